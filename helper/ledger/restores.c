/* restores.c - see restores.h. */
#include "ledger/restores.h"

#include <string.h>

#include "ledger/sql.h"

void restores_done(struct restores *restores)
{
	free(restores->rows);
	*restores = (struct restores){ 0 };
}

static int add_row(struct restores *restores, sqlite3_stmt *s)
{
	struct restore_row *rows =
		reallocarray(restores->rows, restores->n_rows + 1, sizeof(*rows));
	const char *name = (const char *)sqlite3_column_text(s, 0);
	const char *id = (const char *)sqlite3_column_text(s, 1);
	struct restore_row *row;

	if (!rows)
		return -ENOMEM;
	restores->rows = rows;
	row = &rows[restores->n_rows++];
	*row = (struct restore_row){ .state = sqlite3_column_int(s, 2) == RESTORE_PLACED
						      ? RESTORE_PLACED
						      : RESTORE_HELD,
				     .began_usec = sqlite3_column_int64(s, 3),
				     .was_running = sqlite3_column_int(s, 4) == 1 };
	(void)snprintf(row->name, sizeof(row->name), "%s", name ? name : "");
	(void)snprintf(row->id, sizeof(row->id), "%s", id ? id : "");
	sql_put_text(s, 5, row->version, sizeof(row->version));
	return 0;
}

int restores_list(struct ledger *ledger, struct restores *ret_restores, struct dv_error *err)
{
	DV_AUTO_RESTORES struct restores restores = { 0 };
	int code, r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    "SELECT name, id, state, began_usec, was_running, version"
			    " FROM restores ORDER BY began_usec, name",
			    &r, err);

	if (!s)
		return r;
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		if (add_row(&restores, s) < 0)
			return dv_fail(err, -ENOMEM, "read the restores of the ledger");
	}
	if (code != SQLITE_DONE)
		return sql_fail(ledger, err, "read the restores");
	*ret_restores = restores;
	restores = (struct restores){ 0 }; /* handed over */
	return 0;
}

int restores_begin(struct ledger *ledger, const struct restore_row *row, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    "INSERT INTO restores (name, id, state, began_usec, was_running,"
			    " version) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
			    &r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, row->name);
	sql_bind_text(s, 2, row->id);
	(void)sqlite3_bind_int(s, 3, row->state);
	(void)sqlite3_bind_int64(s, 4, row->began_usec);
	(void)sqlite3_bind_int(s, 5, row->was_running);
	sql_bind_text(s, 6, row->version);
	return sql_run(ledger, s, "note a restore", err);
}

int restores_note(struct ledger *ledger, const char *name, enum restore_state state,
		  struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger, "UPDATE restores SET state = ?2 WHERE name = ?1", &r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, name);
	(void)sqlite3_bind_int(s, 2, state);
	return sql_run(ledger, s, "note how far a restore is", err);
}

int restores_end(struct ledger *ledger, const char *name, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger, "DELETE FROM restores WHERE name = ?1", &r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, name);
	return sql_run(ledger, s, "end a restore", err);
}
