/* gates.c - see gates.h. */
#include "ledger/gates.h"

#include "ledger/sql.h"

static int drop_old(struct ledger *ledger, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    "DELETE FROM gates WHERE id <= (SELECT max(id) FROM gates) - ?1", &r,
			    err);

	if (!s)
		return r;
	(void)sqlite3_bind_int64(s, 1, GATES_KEPT);
	return sql_run(ledger, s, "drop old gates", err);
}

int gates_add(struct ledger *ledger, const struct gates_row *row, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s = sql_prepare(
		ledger,
		"INSERT INTO gates (run, version, seed, at_usec, outcome, failed_check, text,"
		" start_ms, memory_kib, from_level, to_level, total_ms)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
		&r, err);

	if (!s)
		return r;
	(void)sqlite3_bind_int64(s, 1, row->run);
	sql_bind_text(s, 2, row->version);
	sql_bind_text(s, 3, row->seed);
	(void)sqlite3_bind_int64(s, 4, row->at_usec);
	sql_bind_text(s, 5, row->outcome);
	sql_bind_text(s, 6, row->failed_check);
	sql_bind_text(s, 7, row->text);
	(void)sqlite3_bind_int64(s, 8, row->start_ms);
	(void)sqlite3_bind_int64(s, 9, row->memory_kib);
	(void)sqlite3_bind_int64(s, 10, row->from_level);
	(void)sqlite3_bind_int64(s, 11, row->to_level);
	(void)sqlite3_bind_int64(s, 12, row->total_ms);
	r = sql_run(ledger, s, "note what the gate found", err);
	return r < 0 ? r : drop_old(ledger, err);
}

int gates_level(struct ledger *ledger, const char *version, int *ret_level, struct dv_error *err)
{
	int code, r;
	DV_AUTO_STMT sqlite3_stmt *s = sql_prepare(
		ledger,
		"SELECT max(to_level) FROM gates WHERE version = ?1 AND outcome = 'passed'"
		" AND to_level > 0",
		&r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, version);
	code = sqlite3_step(s);
	if (code != SQLITE_ROW)
		return sql_fail(ledger, err, "read what the gate found");
	*ret_level = sqlite3_column_type(s, 0) == SQLITE_NULL ? GATES_NO_LEVEL
							      : sqlite3_column_int(s, 0);
	return 0;
}
