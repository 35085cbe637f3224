/* mirrors_log.c - see mirrors_log.h. */
#include "ledger/mirrors_log.h"

#include <string.h>

#include "base/str.h"
#include "ledger/sql.h"

static const char *const WORDS[] = {
	[MIRRORS_LOG_UNSET] = "unset",
	[MIRRORS_LOG_OK] = "ok",
	[MIRRORS_LOG_REFUSED] = "refused",
	[MIRRORS_LOG_FAILED] = "failed",
};

const char *mirrors_log_word(enum mirrors_log_state state)
{
	return WORDS[state];
}

enum mirrors_log_state mirrors_log_state_of(const char *word)
{
	for (size_t i = MIRRORS_LOG_OK; i < DV_COUNT(WORDS); i++) {
		if (str_equal(word, WORDS[i]))
			return (enum mirrors_log_state)i;
	}
	return MIRRORS_LOG_UNSET;
}

void mirrors_log_done(struct mirrors_log *log)
{
	for (size_t i = 0; i < log->n_rows; i++) {
		free(log->rows[i].name);
		free(log->rows[i].route);
		free(log->rows[i].text);
	}
	free(log->rows);
	*log = (struct mirrors_log){ 0 };
}

const struct mirrors_log_row *mirrors_log_find(const struct mirrors_log *log, const char *name)
{
	for (size_t i = 0; i < log->n_rows; i++) {
		if (strcmp(log->rows[i].name, name) == 0)
			return &log->rows[i];
	}
	return NULL;
}

static int add_row(struct mirrors_log *log, sqlite3_stmt *s)
{
	struct mirrors_log_row *rows = reallocarray(log->rows, log->n_rows + 1, sizeof(*rows));
	bool failed = false;

	if (!rows)
		return -ENOMEM;
	log->rows = rows;
	rows[log->n_rows++] = (struct mirrors_log_row){
		.name = sql_copy_text(s, 0, &failed),
		.route = sql_copy_text(s, 1, &failed),
		.state = mirrors_log_state_of((const char *)sqlite3_column_text(s, 2)),
		.started_usec = sqlite3_column_int64(s, 3),
		.ended_usec = sqlite3_column_int64(s, 4),
		.checked = sqlite3_column_int64(s, 5),
		.copied = sqlite3_column_int64(s, 6),
		.deleted = sqlite3_column_int64(s, 7),
		.errors = sqlite3_column_int64(s, 8),
		.bytes = sqlite3_column_int64(s, 9),
		.text = sql_copy_text(s, 10, &failed),
	};
	return failed ? -ENOMEM : 0;
}

int mirrors_log_list(struct ledger *ledger, struct mirrors_log *ret_log, struct dv_error *err)
{
	DV_AUTO_MIRRORS_LOG struct mirrors_log log = { 0 };
	int code, r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    "SELECT name, route, state, started_usec, ended_usec, checked, copied,"
			    " deleted, errors, bytes, text FROM mirrors ORDER BY name, id DESC",
			    &r, err);

	if (!s)
		return r;
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		if (add_row(&log, s) < 0)
			return dv_fail(err, -ENOMEM, "read the mirrors of the ledger");
	}
	if (code != SQLITE_DONE)
		return sql_fail(ledger, err, "read the mirrors");
	*ret_log = log;
	log = (struct mirrors_log){ 0 }; /* handed over */
	return 0;
}

static int insert(struct ledger *ledger, const struct mirrors_log_row *row, struct dv_error *err)
{
	const int64_t numbers[] = { row->started_usec, row->ended_usec, row->checked, row->copied,
				    row->deleted,      row->errors,	row->bytes };
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    "INSERT INTO mirrors (name, route, state, text, started_usec,"
			    " ended_usec, checked, copied, deleted, errors, bytes)"
			    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
			    &r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, row->name);
	sql_bind_text(s, 2, row->route);
	sql_bind_text(s, 3, mirrors_log_word(row->state));
	sql_bind_text(s, 4, row->text);
	for (size_t i = 0; i < DV_COUNT(numbers); i++)
		(void)sqlite3_bind_int64(s, 5 + (int)i, numbers[i]);
	return sql_run(ledger, s, "note a run of a mirror", err);
}

static int forget_old(struct ledger *ledger, const char *name, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    "DELETE FROM mirrors WHERE name = ?1 AND id NOT IN (SELECT id FROM"
			    " mirrors WHERE name = ?1 ORDER BY id DESC LIMIT ?2)",
			    &r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, name);
	(void)sqlite3_bind_int(s, 2, MIRRORS_LOG_KEPT);
	return sql_run(ledger, s, "forget old runs of a mirror", err);
}

int mirrors_log_add(struct ledger *ledger, const struct mirrors_log_row *row, struct dv_error *err)
{
	int r = ledger_begin_results(ledger, err);

	if (r < 0)
		return r;
	r = insert(ledger, row, err);
	if (r == 0)
		r = forget_old(ledger, row->name, err);
	if (r == 0)
		r = ledger_commit(ledger, err);
	if (r < 0)
		ledger_rollback(ledger);
	return r;
}

int mirrors_log_remove(struct ledger *ledger, const char *name, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger, "DELETE FROM mirrors WHERE name = ?1", &r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, name);
	return sql_run(ledger, s, "forget a mirror", err);
}
