/* secrets_log.c - see secrets_log.h. */
#include "ledger/secrets_log.h"

#include <string.h>

#include "ledger/sql.h"

void secrets_log_done(struct secrets_log *log)
{
	for (size_t i = 0; i < log->n_rows; i++) {
		free(log->rows[i].name);
		free(log->rows[i].source);
		free(log->rows[i].version);
		free(log->rows[i].error);
	}
	free(log->rows);
	*log = (struct secrets_log){ 0 };
}

const struct secrets_log_row *secrets_log_find(const struct secrets_log *log, const char *name)
{
	for (size_t i = 0; i < log->n_rows; i++) {
		if (strcmp(log->rows[i].name, name) == 0)
			return &log->rows[i];
	}
	return NULL;
}

static int add_row(struct secrets_log *log, sqlite3_stmt *s)
{
	struct secrets_log_row *rows = reallocarray(log->rows, log->n_rows + 1, sizeof(*rows));
	bool failed = false;

	if (!rows)
		return -ENOMEM;
	log->rows = rows;
	rows[log->n_rows++] = (struct secrets_log_row){
		.name = sql_copy_text(s, 0, &failed),
		.source = sql_copy_text(s, 1, &failed),
		.version = sql_copy_text(s, 2, &failed),
		.staged_usec = sqlite3_column_int64(s, 3),
		.error = sql_copy_text(s, 4, &failed),
	};
	return failed ? -ENOMEM : 0;
}

int secrets_log_list(struct ledger *ledger, struct secrets_log *ret_log, struct dv_error *err)
{
	DV_AUTO_SECRETS_LOG struct secrets_log log = { 0 };
	int code, r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    "SELECT name, source, version, staged_usec, error FROM secrets"
			    " ORDER BY name",
			    &r, err);

	if (!s)
		return r;
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		if (add_row(&log, s) < 0)
			return dv_fail(err, -ENOMEM, "read the secrets of the ledger");
	}
	if (code != SQLITE_DONE)
		return sql_fail(ledger, err, "read the secrets");
	*ret_log = log;
	log = (struct secrets_log){ 0 }; /* handed over */
	return 0;
}

int secrets_log_put(struct ledger *ledger, const struct secrets_log_row *row, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s = sql_prepare(
		ledger,
		"INSERT OR REPLACE INTO secrets (name, source, version, staged_usec, error)"
		" VALUES (?1, ?2, ?3, ?4, ?5)",
		&r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, row->name);
	sql_bind_text(s, 2, row->source);
	sql_bind_text(s, 3, row->version);
	(void)sqlite3_bind_int64(s, 4, row->staged_usec);
	sql_bind_text(s, 5, row->error);
	return sql_run(ledger, s, "note a secret", err);
}

int secrets_log_remove(struct ledger *ledger, const char *name, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger, "DELETE FROM secrets WHERE name = ?1", &r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, name);
	return sql_run(ledger, s, "forget a secret", err);
}
