/* tokens.c - see tokens.h. */
#include "ledger/tokens.h"

#include "ledger/sql.h"

int tokens_list(struct ledger *ledger, struct str_list *ret_digests, struct dv_error *err)
{
	int code, r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger, "SELECT digest FROM shared_tokens", &r, err);

	if (!s)
		return r;
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		r = str_list_add(ret_digests, (const char *)sqlite3_column_text(s, 0));
		if (r < 0)
			return dv_fail(err, r, "read the shared tokens of the ledger");
	}
	return code == SQLITE_DONE ? 0 : sql_fail(ledger, err, "read the shared tokens");
}

int tokens_add(struct ledger *ledger, const char *digest, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger, "INSERT OR IGNORE INTO shared_tokens (digest) VALUES (?1)", &r,
			    err);

	if (!s)
		return r;
	sql_bind_text(s, 1, digest);
	return sql_run(ledger, s, "note a shared token", err);
}
