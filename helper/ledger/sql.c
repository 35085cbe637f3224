/* sql.c - see sql.h. */
#include "ledger/sql.h"

#include <string.h>

int sql_errno(int code)
{
	switch (code & 0xff) { /* the primary code: sqlite3_errcode(3), "Result Codes" */
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_CANTOPEN:
		return -ENOENT;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	default:
		return -EIO;
	}
}

int sql_fail(struct ledger *ledger, struct dv_error *err, const char *what)
{
	return dv_refuse(err, sql_errno(sqlite3_errcode(ledger->db)), "ledger /%s: %s: %s",
			 LEDGER_PATH, what, sqlite3_errmsg(ledger->db));
}

int sql_open(struct ledger *ledger, const char *name, int flags, int busy_ms, struct dv_error *err)
{
	if (sqlite3_open_v2(name, &ledger->db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
		if (!ledger->db)
			return dv_refuse(err, -ENOMEM, "ledger /%s: out of memory", LEDGER_PATH);
		return sql_fail(ledger, err, "open");
	}
	(void)sqlite3_busy_timeout(ledger->db, busy_ms);
	(void)sqlite3_extended_result_codes(ledger->db, 1);
	return 0;
}

void sql_close(struct ledger *ledger)
{
	(void)sqlite3_close_v2(ledger->db); /* NULL is fine; statements are finalised already */
	ledger->db = NULL;
}

int sql_script(struct ledger *ledger, const char *sql, const char *what, struct dv_error *err)
{
	if (sqlite3_exec(ledger->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return sql_fail(ledger, err, what);
	return 0;
}

sqlite3_stmt *sql_prepare(struct ledger *ledger, const char *sql, int *ret_r, struct dv_error *err)
{
	sqlite3_stmt *statement = NULL;

	*ret_r = 0;
	if (sqlite3_prepare_v2(ledger->db, sql, -1, &statement, NULL) != SQLITE_OK) {
		*ret_r = sql_fail(ledger, err, "prepare");
		return NULL;
	}
	return statement;
}

void sql_finalizep(sqlite3_stmt **statement)
{
	(void)sqlite3_finalize(*statement); /* repeats the error of the step, told already */
	*statement = NULL;
}

void sql_bind_text(sqlite3_stmt *statement, int at, const char *text)
{
	/* Binding fails only for an index the statement does not have, or for want of
	 * memory, and then the step fails too. */
	(void)sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

int sql_run(struct ledger *ledger, sqlite3_stmt *statement, const char *what, struct dv_error *err)
{
	if (sqlite3_step(statement) != SQLITE_DONE)
		return sql_fail(ledger, err, what);
	return 0;
}

char *sql_copy_text(sqlite3_stmt *statement, int column, bool *failed)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);
	char *copy;

	if (!text)
		return NULL;
	copy = strdup(text);
	if (!copy)
		*failed = true;
	return copy;
}

void sql_put_text(sqlite3_stmt *statement, int column, char *ret_text, size_t n_bytes)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);

	(void)snprintf(ret_text, n_bytes, "%s", text ? text : "");
}
