/* known_bad.c - see known_bad.h. */
#include "ledger/known_bad.h"

#include "ledger/sql.h"

void known_bad_done(struct known_bad *list)
{
	for (size_t i = 0; i < list->n_rows; i++) {
		free(list->rows[i].version);
		free(list->rows[i].reason);
	}
	free(list->rows);
	*list = (struct known_bad){ 0 };
}

int known_bad_add(struct ledger *ledger, const char *version, int64_t at_usec, int64_t run,
		  const char *reason, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s = sql_prepare(
		ledger,
		"INSERT INTO known_bad (version, since_usec, run, reason, forgiven_usec)"
		" SELECT ?1, ?2, ?3, ?4, 0 WHERE NOT EXISTS (SELECT 1 FROM known_bad"
		" WHERE version = ?1 AND forgiven_usec = 0)",
		&r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, version);
	(void)sqlite3_bind_int64(s, 2, at_usec);
	(void)sqlite3_bind_int64(s, 3, run);
	sql_bind_text(s, 4, reason);
	return sql_run(ledger, s, "note a bad version", err);
}

int known_bad_forgive(struct ledger *ledger, const char *version, int64_t at_usec,
		      struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    "UPDATE known_bad SET forgiven_usec = ?2 WHERE version = ?1"
			    " AND forgiven_usec = 0",
			    &r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, version);
	(void)sqlite3_bind_int64(s, 2, at_usec);
	r = sql_run(ledger, s, "forgive a version", err);
	if (r == 0 && sqlite3_changes(ledger->db) == 0)
		r = dv_refuse(err, -ENOENT, "t3 %s is not known to be bad", version);
	return r;
}

int known_bad_reason(struct ledger *ledger, const char *version, char **ret_reason,
		     struct dv_error *err)
{
	bool failed = false;
	char *reason = NULL;
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    "SELECT reason FROM known_bad WHERE version = ?1 AND forgiven_usec = 0",
			    &r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, version);
	switch (sqlite3_step(s)) {
	case SQLITE_ROW:
		reason = sql_copy_text(s, 0, &failed);
		break;
	case SQLITE_DONE:
		break;
	default:
		return sql_fail(ledger, err, "read the bad versions");
	}
	if (failed)
		return dv_fail(err, -ENOMEM, "read the bad versions");
	*ret_reason = reason;
	return 0;
}

static int add_row(struct known_bad *list, sqlite3_stmt *s)
{
	struct known_bad_row *rows = reallocarray(list->rows, list->n_rows + 1, sizeof(*rows));
	bool failed = false;

	if (!rows)
		return -ENOMEM;
	list->rows = rows;
	rows[list->n_rows++] = (struct known_bad_row){
		.version = sql_copy_text(s, 0, &failed),
		.since_usec = sqlite3_column_int64(s, 1),
		.run = sqlite3_column_int64(s, 2),
		.reason = sql_copy_text(s, 3, &failed),
		.forgiven_usec = sqlite3_column_int64(s, 4),
	};
	return failed ? -ENOMEM : 0;
}

int known_bad_list(struct ledger *ledger, struct known_bad *ret_list, struct dv_error *err)
{
	DV_AUTO_KNOWN_BAD struct known_bad list = { 0 };
	int code, r;
	DV_AUTO_STMT sqlite3_stmt *s = sql_prepare(
		ledger,
		"SELECT version, since_usec, run, reason, forgiven_usec FROM known_bad ORDER BY id"
		" DESC",
		&r, err);

	if (!s)
		return r;
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		if (add_row(&list, s) < 0)
			return dv_fail(err, -ENOMEM, "read the bad versions");
	}
	if (code != SQLITE_DONE)
		return sql_fail(ledger, err, "read the bad versions");
	*ret_list = list;
	list = (struct known_bad){ 0 }; /* handed over */
	return 0;
}
