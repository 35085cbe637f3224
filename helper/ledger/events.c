/* events.c - see events.h. */
#include "ledger/events.h"

#include "ledger/sql.h"

void events_done(struct events *events)
{
	for (size_t i = 0; i < events->n_rows; i++) {
		free(events->rows[i].name);
		free(events->rows[i].step);
		free(events->rows[i].text);
	}
	free(events->rows);
	*events = (struct events){ 0 };
}

static int drop_old(struct ledger *ledger, int64_t newest_id, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger, "DELETE FROM events WHERE id <= ?1", &r, err);

	if (!s)
		return r;
	(void)sqlite3_bind_int64(s, 1, newest_id - EVENTS_KEEP);
	return sql_run(ledger, s, "drop old events", err);
}

int events_add(struct ledger *ledger, int64_t at_usec, int priority, const char *name,
	       const char *step, const char *text, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    "INSERT INTO events (at_usec, priority, name, step, text)"
			    " VALUES (?1, ?2, ?3, ?4, ?5)",
			    &r, err);

	if (!s)
		return r;
	(void)sqlite3_bind_int64(s, 1, at_usec);
	(void)sqlite3_bind_int(s, 2, priority);
	sql_bind_text(s, 3, name);
	sql_bind_text(s, 4, step);
	sql_bind_text(s, 5, text);
	r = sql_run(ledger, s, "write an event", err);
	return r < 0 ? r : drop_old(ledger, sqlite3_last_insert_rowid(ledger->db), err);
}

static int read_row(sqlite3_stmt *s, struct events_row *ret_row, struct dv_error *err)
{
	bool failed = false;

	*ret_row = (struct events_row){
		.id = sqlite3_column_int64(s, 0),
		.at_usec = sqlite3_column_int64(s, 1),
		.priority = sqlite3_column_int(s, 2),
		.name = sql_copy_text(s, 3, &failed),
		.step = sql_copy_text(s, 4, &failed),
		.text = sql_copy_text(s, 5, &failed),
	};
	return failed ? dv_fail(err, -ENOMEM, "read an event from the ledger") : 0;
}

int events_list(struct ledger *ledger, int64_t after_id, const char *name, unsigned int limit,
		struct events *ret_events, struct dv_error *err)
{
	DV_AUTO_EVENTS struct events events = { 0 };
	int code, r;
	DV_AUTO_STMT sqlite3_stmt *s = sql_prepare(
		ledger,
		"SELECT * FROM (SELECT id, at_usec, priority, name, step, text FROM events"
		" WHERE id > ?1 AND (?2 IS NULL OR name = ?2) ORDER BY id DESC LIMIT ?3)"
		" ORDER BY id",
		&r, err);

	if (!s)
		return r;
	(void)sqlite3_bind_int64(s, 1, after_id);
	sql_bind_text(s, 2, name);
	(void)sqlite3_bind_int64(s, 3, limit);
	events.rows = calloc((size_t)limit + 1, sizeof(*events.rows));
	if (!events.rows)
		return dv_fail(err, -ENOMEM, "read the events of the ledger");
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		r = read_row(s, &events.rows[events.n_rows++], err);
		if (r < 0)
			return r;
	}
	if (code != SQLITE_DONE)
		return sql_fail(ledger, err, "read the events");
	*ret_events = events;
	events = (struct events){ 0 };
	return 0;
}
