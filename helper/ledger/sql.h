/* sql.h - the few words of sqlite that the query files share.
 *
 * Internal to helper/ledger. A statement is prepared, bound, stepped and finalised in one
 * function: `DV_AUTO_STMT sqlite3_stmt *s = sql_prepare(...)`.
 */
#ifndef DEVVM_LEDGER_SQL_H
#define DEVVM_LEDGER_SQL_H

#include <sqlite3.h>
#include <stdbool.h>

#include "ledger/ledger.h"

struct ledger {
	sqlite3 *db;
};

/* The negative errno that a caller can act on for a sqlite result code. */
int sql_errno(int code);

/* dv_fail() in sqlite's words: "what: database is locked". Returns sql_errno(). */
int sql_fail(struct ledger *ledger, struct dv_error *err, const char *what);

/* `flags` are sqlite's; SQLITE_OPEN_NOMUTEX is added. sql_close() after a failure, too. */
DV_MUST_CHECK int sql_open(struct ledger *ledger, const char *name, int flags, int busy_ms,
			   struct dv_error *err);
void sql_close(struct ledger *ledger); /* one that is not open, too */

/* Statements without values and rows. */
DV_MUST_CHECK int sql_script(struct ledger *ledger, const char *sql, const char *what,
			     struct dv_error *err);

/* NULL with `err` and `*ret_r` on failure. */
sqlite3_stmt *sql_prepare(struct ledger *ledger, const char *sql, int *ret_r, struct dv_error *err);
void sql_finalizep(sqlite3_stmt **statement);

/* Bind text (NULL binds SQL NULL); the text must outlive the statement. */
void sql_bind_text(sqlite3_stmt *statement, int at, const char *text);

/* Step a statement that returns no row. */
DV_MUST_CHECK int sql_run(struct ledger *ledger, sqlite3_stmt *statement, const char *what,
			  struct dv_error *err);

/* A copy of a column's text, NULL for SQL NULL. `*failed` is set when memory is short. */
char *sql_copy_text(sqlite3_stmt *statement, int column, bool *failed);

/* The same into a place of n_bytes, "" for SQL NULL; what does not fit is cut. */
void sql_put_text(sqlite3_stmt *statement, int column, char *ret_text, size_t n_bytes);

#define DV_AUTO_STMT DV_CLEANUP(sql_finalizep)

#endif
