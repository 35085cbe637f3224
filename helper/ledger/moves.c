/* moves.c - see moves.h. */
#include "ledger/moves.h"

#include <string.h>

#include "ledger/backups.h"
#include "ledger/sql.h"

#define COLUMNS                                                                                    \
	"name, run, from_version, to_version, state, copy, level, began_usec, moved_usec,"         \
	" was_running, reason"

void moves_done(struct moves *moves)
{
	free(moves->rows);
	*moves = (struct moves){ 0 };
}

bool moves_is_between(enum update_state state)
{
	return state == UPDATE_STATE_HELD || state == UPDATE_STATE_COPIED ||
	       state == UPDATE_STATE_POINTED || state == UPDATE_STATE_SOAKING ||
	       state == UPDATE_STATE_FAILED || state == UPDATE_STATE_UNDOING;
}

const struct move_row *moves_find(const struct moves *moves, const char *name)
{
	for (size_t i = 0; i < moves->n_rows; i++) {
		if (strcmp(moves->rows[i].name, name) == 0)
			return &moves->rows[i];
	}
	return NULL;
}

/* A row that is between is all that is known of what is to be undone. */
static int require_free(struct ledger *ledger, const struct move_row *row, struct dv_error *err)
{
	enum update_state state = UPDATE_STATE_UNSET;
	int64_t run = 0;
	int code, r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger, "SELECT run, state FROM moves WHERE name = ?1 AND run <> ?2",
			    &r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, row->name);
	(void)sqlite3_bind_int64(s, 2, row->run);
	code = sqlite3_step(s);
	if (code == SQLITE_ROW) {
		run = sqlite3_column_int64(s, 0);
		state = update_state_of((const char *)sqlite3_column_text(s, 1));
	} else if (code != SQLITE_DONE)
		return sql_fail(ledger, err, "read a person's move");
	return moves_is_between(state)
		       ? dv_refuse(err, -EBUSY,
				   "the move of %s in run %lld is not finished (%s): systemctl "
				   "start devvm-recover",
				   row->name, (long long)run, update_state_word(state))
		       : 0;
}

static int put(struct ledger *ledger, const struct move_row *row, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    "INSERT OR REPLACE INTO moves (" COLUMNS
			    ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
			    &r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, row->name);
	(void)sqlite3_bind_int64(s, 2, row->run);
	sql_bind_text(s, 3, row->from);
	sql_bind_text(s, 4, row->to);
	sql_bind_text(s, 5, update_state_word(row->state));
	sql_bind_text(s, 6, row->copy);
	(void)sqlite3_bind_int64(s, 7, row->level);
	(void)sqlite3_bind_int64(s, 8, row->began_usec);
	(void)sqlite3_bind_int64(s, 9, row->moved_usec);
	(void)sqlite3_bind_int(s, 10, row->was_running);
	sql_bind_text(s, 11, row->reason);
	return sql_run(ledger, s, "note a person's move", err);
}

int moves_note(struct ledger *ledger, const struct move_row *row, int64_t at_usec,
	       struct dv_error *err)
{
	int r = require_free(ledger, row, err);

	if (r == 0)
		r = put(ledger, row, err);
	return r < 0 ? r
		     : update_log_note(ledger, row->run, at_usec, row->state, row->name,
				       row->reason, err);
}

int moves_enter(struct ledger *ledger, const struct move_row *row, int64_t at_usec,
		struct dv_error *err)
{
	int r = ledger_begin(ledger, err);

	if (r < 0)
		return r;
	r = moves_note(ledger, row, at_usec, err);
	if (r == 0)
		r = ledger_commit(ledger, err);
	if (r < 0)
		ledger_rollback(ledger);
	return r;
}

static int add_row(struct moves *moves, sqlite3_stmt *s)
{
	struct move_row *rows = reallocarray(moves->rows, moves->n_rows + 1, sizeof(*rows));
	struct move_row *row;

	if (!rows)
		return -ENOMEM;
	moves->rows = rows;
	row = &rows[moves->n_rows++];
	*row = (struct move_row){
		.run = sqlite3_column_int64(s, 1),
		.state = update_state_of((const char *)sqlite3_column_text(s, 4)),
		.level = sqlite3_column_int64(s, 6),
		.began_usec = sqlite3_column_int64(s, 7),
		.moved_usec = sqlite3_column_int64(s, 8),
		.was_running = sqlite3_column_int(s, 9) == 1,
	};
	sql_put_text(s, 0, row->name, sizeof(row->name));
	sql_put_text(s, 2, row->from, sizeof(row->from));
	sql_put_text(s, 3, row->to, sizeof(row->to));
	sql_put_text(s, 5, row->copy, sizeof(row->copy));
	sql_put_text(s, 10, row->reason, sizeof(row->reason));
	return 0;
}

int moves_list(struct ledger *ledger, int64_t run, struct moves *ret_moves, struct dv_error *err)
{
	DV_AUTO_MOVES struct moves moves = { 0 };
	int code, r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    "SELECT " COLUMNS
			    " FROM moves WHERE run = ?1 OR ?1 = 0 ORDER BY began_usec, name",
			    &r, err);

	if (!s)
		return r;
	(void)sqlite3_bind_int64(s, 1, run);
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		if (add_row(&moves, s) < 0)
			return dv_fail(err, -ENOMEM, "read the moves of the ledger");
	}
	if (code != SQLITE_DONE)
		return sql_fail(ledger, err, "read the moves");
	*ret_moves = moves;
	moves = (struct moves){ 0 }; /* handed over */
	return 0;
}

int moves_keep_copies(struct ledger *ledger, struct dv_error *err)
{
	DV_AUTO_MOVES struct moves moves = { 0 };
	int r = moves_list(ledger, MOVES_ALL_RUNS, &moves, err);

	if (r == 0)
		r = backups_let_go(ledger, err);
	for (size_t i = 0; r == 0 && i < moves.n_rows; i++) {
		const struct move_row *row = &moves.rows[i];

		if (moves_is_between(row->state) && *row->copy)
			r = backups_need(ledger, row->name, row->copy, row->run, err);
	}
	return r;
}
