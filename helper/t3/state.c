/* state.c - see state.h. */
#include "t3/state.h"

#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/str.h"

#define PROGRESS_OPS 10000 /* of sqlite's machine, about a millisecond */

int state_check_file(const char *path, struct dv_error *err)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? dv_refuse(err, -ENOENT, "there is no %s yet", path)
				       : dv_fail(err, -errno, "look at %s", path);
	if (!S_ISREG(st.st_mode))
		return dv_refuse(err, -EMEDIUMTYPE, "%s is no file but %s", path,
				 S_ISLNK(st.st_mode)   ? "a link"
				 : S_ISDIR(st.st_mode) ? "a folder"
						       : "something else");
	if (st.st_nlink != 1)
		return dv_refuse(err, -EMEDIUMTYPE, "%s has another name (a hard link)", path);
	return 0;
}

void state_closep(sqlite3 **db)
{
	(void)sqlite3_close_v2(*db); /* statements are finalised in their functions */
	*db = NULL;
}

void state_finalizep(sqlite3_stmt **statement)
{
	(void)sqlite3_finalize(*statement);
	*statement = NULL;
}

int state_complain(sqlite3 *db, int code, const char *what, struct dv_error *err)
{
	static const struct {
		int code, r;
		const char *why;
	} kinds[] = {
		{ SQLITE_CORRUPT, -EMEDIUMTYPE, "the database is damaged" },
		{ SQLITE_NOTADB, -EMEDIUMTYPE, "it is no database, or damaged" },
		{ SQLITE_INTERRUPT, -ETIMEDOUT, "it took too long" },
		{ SQLITE_BUSY, -ETIMEDOUT, "another program held it locked for too long" },
		{ SQLITE_LOCKED, -ETIMEDOUT, "another program held it locked for too long" },
		{ SQLITE_FULL, -ENOSPC, "the disk is full" },
	};

	for (size_t i = 0; i < DV_COUNT(kinds); i++) {
		if (kinds[i].code == (code & 0xff))
			return dv_refuse(err, kinds[i].r, "%s: %s (%s)", what, kinds[i].why,
					 db ? sqlite3_errmsg(db) : sqlite3_errstr(code));
	}
	return dv_refuse(err, -EIO, "%s: %s", what, db ? sqlite3_errmsg(db) : sqlite3_errstr(code));
}

static int on_progress(void *context)
{
	return clock_left_ms(*(const int64_t *)context) == 0;
}

int state_open(const char *path, enum state_how how, int busy_ms, const int64_t *deadline_ms,
	       sqlite3 **ret_db, struct dv_error *err)
{
	static const int flags[] = {
		[STATE_IN_USE] = SQLITE_OPEN_READONLY,
		[STATE_AT_REST] = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
		[STATE_TO_CHANGE] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW,
	};
	DV_AUTO_FREE char *uri = NULL;
	int code;

	if (how == STATE_AT_REST && asprintf(&uri, "file:%s?immutable=1", path) < 0) {
		uri = NULL; /* asprintf(3): undefined then */
		return dv_fail(err, -ENOMEM, "open %s", path);
	}
	code = sqlite3_open_v2(uri ? uri : path, ret_db, flags[how], NULL);
	if (code != SQLITE_OK)
		return state_complain(*ret_db, code, path, err);
	if (deadline_ms)
		sqlite3_progress_handler(*ret_db, PROGRESS_OPS, on_progress, (void *)deadline_ms);
	(void)sqlite3_busy_timeout(*ret_db, busy_ms);
	return 0;
}

int state_check(sqlite3 *db, bool is_quick, struct dv_error *err)
{
	DV_AUTO_STATEMENT sqlite3_stmt *statement = NULL;
	int code =
		sqlite3_prepare_v2(db,
				   is_quick ? "PRAGMA quick_check(1)" : "PRAGMA integrity_check(1)",
				   -1, &statement, NULL);
	const char *said;

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code != SQLITE_ROW)
		return state_complain(db, code, "check its integrity", err);
	said = (const char *)sqlite3_column_text(statement, 0);
	return str_equal(said, "ok") ? 0
				     : dv_refuse(err, -EMEDIUMTYPE, "the database is damaged: %s",
						 said ? said : "no reason given");
}

int state_ask_number(sqlite3 *db, const char *sql, int64_t if_null, int64_t *ret_number,
		     struct dv_error *err)
{
	DV_AUTO_STATEMENT sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code != SQLITE_ROW)
		return state_complain(db, code, "read the database", err);
	*ret_number = sqlite3_column_type(statement, 0) == SQLITE_NULL
			      ? if_null
			      : sqlite3_column_int64(statement, 0);
	return 0;
}

int state_has_table(sqlite3 *db, const char *name, bool *ret_has, struct dv_error *err)
{
	char *sql = sqlite3_mprintf("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND"
				    " name = %Q",
				    name);
	int64_t n = 0;
	int r = sql ? state_ask_number(db, sql, 0, &n, err)
		    : dv_fail(err, -ENOMEM, "look for a table");

	sqlite3_free(sql);
	if (r == 0)
		*ret_has = n > 0;
	return r;
}

static int count_table(sqlite3 *db, const char *table, state_on_table on_table, void *context,
		       struct dv_error *err)
{
	char *sql = sqlite3_mprintf("SELECT count(*) FROM \"%w\"", table);
	int64_t n = 0;
	int r = sql ? state_ask_number(db, sql, 0, &n, err)
		    : dv_fail(err, -ENOMEM, "count the rows");

	sqlite3_free(sql);
	return r < 0 ? r : on_table(context, table, n, err);
}

int state_count_tables(sqlite3 *db, state_on_table on_table, void *context, struct dv_error *err)
{
	DV_AUTO_STATEMENT sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(db,
				      "SELECT name FROM sqlite_schema WHERE type = 'table' AND"
				      " name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND"
				      " sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name",
				      -1, &statement, NULL);

	while (code == SQLITE_OK || code == SQLITE_ROW) {
		code = sqlite3_step(statement);
		if (code == SQLITE_ROW) {
			const char *table = (const char *)sqlite3_column_text(statement, 0);
			int r = count_table(db, table ? table : "", on_table, context, err);

			if (r < 0)
				return r;
		}
	}
	return code == SQLITE_DONE ? 0 : state_complain(db, code, "list the tables", err);
}

int state_read_level(sqlite3 *db, int64_t *ret_level, struct dv_error *err)
{
	bool has = false;
	int r = state_has_table(db, "effect_sql_migrations", &has, err);

	if (r < 0)
		return r;
	if (!has) {
		*ret_level = STATE_NO_LEVEL;
		return 0;
	}
	return state_ask_number(db,
				"SELECT max(migration_id) FROM effect_sql_migrations WHERE"
				" typeof(migration_id) = 'integer'",
				STATE_NO_LEVEL, ret_level, err);
}
