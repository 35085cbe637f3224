/* state.h - looking into a t3 database (DIR/userdata/state.sqlite), through sqlite.
 *
 * A database is whatever its owner has put there, so who looks runs as that owner, never as root. Every failure is
 * one of a few kinds that a caller can act on, with sqlite's own words behind it; nothing is waited for longer than
 * the deadline. Sources: t3's contract (WAL mode, effect_sql_migrations.migration_id), https://sqlite.org/rescode.html.
 */
#ifndef DEVVM_T3_STATE_H
#define DEVVM_T3_STATE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define STATE_DATABASE ".t3/userdata/state.sqlite" /* below a home */
#define STATE_NO_LEVEL (-1) /* there is no table of migrations, or nothing in it */

enum state_how {
	STATE_IN_USE, /* read while others write */
	STATE_AT_REST, /* read, of a name without anything that a URI would read; nothing is left beside it */
	STATE_TO_CHANGE, /* by nobody else meanwhile; never through a link */
};

/* 0 where `path` is a plain file with one name. -ENOENT where there is none, -EMEDIUMTYPE with what it is else. */
DV_MUST_CHECK int state_check_file(const char *path, struct dv_error *err);

/* Open it. A lock is waited for `busy_ms` at most, each time; at `*deadline_ms`, which must live as long as *ret_db, a
 * statement ends with -ETIMEDOUT (NULL: never). Release with state_closep(), also on failure. */
DV_MUST_CHECK int state_open(const char *path, enum state_how how, int busy_ms,
			     const int64_t *deadline_ms, sqlite3 **ret_db, struct dv_error *err);
void state_closep(sqlite3 **db);
void state_finalizep(sqlite3_stmt **statement);

/* What sqlite says, as one of: -EMEDIUMTYPE (no database, or damaged), -ETIMEDOUT (it took too long, or was locked for
 * too long), -ENOSPC, -EIO (anything else). `what` was tried; `db` may be NULL. */
int state_complain(sqlite3 *db, int code, const char *what, struct dv_error *err);

/* The number in the first column of the first row of `sql`; `if_null` where that is NULL. */
DV_MUST_CHECK int state_ask_number(sqlite3 *db, const char *sql, int64_t if_null,
				   int64_t *ret_number, struct dv_error *err);

/* sqlite's own check, all of it or the quick one. -EMEDIUMTYPE with the first thing that is wrong. */
DV_MUST_CHECK int state_check(sqlite3 *db, bool is_quick, struct dv_error *err);

DV_MUST_CHECK int state_has_table(sqlite3 *db, const char *name, bool *ret_has,
				  struct dv_error *err);

/* Every table by name with its rows, but sqlite's own and virtual ones, whose rows are other tables'. A negative result
 * of `on_table`, which has a sentence in `err`, ends it and is returned. */
typedef int (*state_on_table)(void *context, const char *name, int64_t n_rows,
			      struct dv_error *err);
DV_MUST_CHECK int state_count_tables(sqlite3 *db, state_on_table on_table, void *context,
				     struct dv_error *err);

/* max(migration_id) of effect_sql_migrations; STATE_NO_LEVEL where there is none. */
DV_MUST_CHECK int state_read_level(sqlite3 *db, int64_t *ret_level, struct dv_error *err);

#define DV_AUTO_STATE DV_CLEANUP(state_closep)
#define DV_AUTO_STATEMENT DV_CLEANUP(state_finalizep)

#endif
