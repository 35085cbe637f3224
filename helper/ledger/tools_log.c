/* tools_log.c - see tools_log.h. */
#include "ledger/tools_log.h"

#include <string.h>

#include "ledger/sql.h"

void tools_log_done(struct tools_log *log)
{
	for (size_t i = 0; i < log->n_rows; i++) {
		free(log->rows[i].name);
		free(log->rows[i].version);
		free(log->rows[i].pin);
		free(log->rows[i].digest);
		free(log->rows[i].links);
	}
	free(log->rows);
	*log = (struct tools_log){ 0 };
}

const struct tools_log_row *tools_log_find(const struct tools_log *log, const char *name)
{
	for (size_t i = 0; i < log->n_rows; i++) {
		if (strcmp(log->rows[i].name, name) == 0)
			return &log->rows[i];
	}
	return NULL;
}

static int add_row(struct tools_log *log, sqlite3_stmt *s)
{
	struct tools_log_row *rows = reallocarray(log->rows, log->n_rows + 1, sizeof(*rows));
	bool failed = false;

	if (!rows)
		return -ENOMEM;
	log->rows = rows;
	rows[log->n_rows++] = (struct tools_log_row){
		.name = sql_copy_text(s, 0, &failed),
		.version = sql_copy_text(s, 1, &failed),
		.pin = sql_copy_text(s, 2, &failed),
		.digest = sql_copy_text(s, 3, &failed),
		.links = sql_copy_text(s, 4, &failed),
	};
	return failed ? -ENOMEM : 0;
}

int tools_log_list(struct ledger *ledger, struct tools_log *ret_log, struct dv_error *err)
{
	DV_AUTO_TOOLS_LOG struct tools_log log = { 0 };
	int code, r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    "SELECT name, version, pin, digest, links FROM tools ORDER BY name", &r,
			    err);

	if (!s)
		return r;
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		if (add_row(&log, s) < 0)
			return dv_fail(err, -ENOMEM, "read the tools of the ledger");
	}
	if (code != SQLITE_DONE)
		return sql_fail(ledger, err, "read the tools");
	*ret_log = log;
	log = (struct tools_log){ 0 }; /* handed over */
	return 0;
}

int tools_log_put(struct ledger *ledger, const struct tools_log_row *row, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    "INSERT OR REPLACE INTO tools (name, version, pin, digest, links)"
			    " VALUES (?1, ?2, ?3, ?4, ?5)",
			    &r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, row->name);
	sql_bind_text(s, 2, row->version);
	sql_bind_text(s, 3, row->pin);
	sql_bind_text(s, 4, row->digest);
	sql_bind_text(s, 5, row->links);
	return sql_run(ledger, s, "note a tool", err);
}

int tools_log_remove(struct ledger *ledger, const char *name, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger, "DELETE FROM tools WHERE name = ?1", &r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, name);
	return sql_run(ledger, s, "forget a tool", err);
}
