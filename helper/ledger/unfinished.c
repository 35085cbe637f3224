/* unfinished.c - see unfinished.h. */
#include "ledger/unfinished.h"

#include <string.h>
#include <syslog.h>

#include "ledger/events.h"

static int find_restore(struct ledger *ledger, const char *name, struct unfinished *unfinished,
			struct dv_error *err)
{
	DV_AUTO_RESTORES struct restores restores = { 0 };
	int r = restores_list(ledger, &restores, err);

	for (size_t i = 0; r == 0 && i < restores.n_rows; i++) {
		if (strcmp(restores.rows[i].name, name) != 0)
			continue;
		unfinished->has_restore = true;
		unfinished->restore = restores.rows[i];
		(void)snprintf(unfinished->version, sizeof(unfinished->version), "%s",
			       restores.rows[i].version);
	}
	return r;
}

/* A person has one row of a move. The one that a restore took the place of still says what its version knows. */
static int find_move(struct ledger *ledger, const char *name, struct unfinished *unfinished,
		     struct dv_error *err)
{
	DV_AUTO_MOVES struct moves moves = { 0 };
	int r = moves_list(ledger, MOVES_ALL_RUNS, &moves, err);

	for (size_t i = 0; r == 0 && i < moves.n_rows; i++) {
		const struct move_row *row = &moves.rows[i];

		if (strcmp(row->name, name) != 0)
			continue;
		unfinished->has_move = moves_is_between(row->state);
		unfinished->move = *row;
		if (unfinished->has_move)
			memcpy(unfinished->version, row->from, sizeof(row->from));
		if (*row->copy && *row->from && strcmp(unfinished->version, row->from) == 0)
			unfinished->level = row->level;
	}
	return r;
}

int unfinished_find(struct ledger *ledger, const char *name, struct unfinished *ret_unfinished,
		    struct dv_error *err)
{
	struct unfinished unfinished = { .level = -1 };
	int r = find_restore(ledger, name, &unfinished, err);

	if (r == 0)
		r = find_move(ledger, name, &unfinished, err);
	if (r == 0)
		*ret_unfinished = unfinished;
	return r;
}

bool unfinished_is_any(const struct unfinished *unfinished)
{
	return unfinished->has_move || unfinished->has_restore;
}

void unfinished_describe(const struct unfinished *unfinished,
			 char ret_text[static UNFINISHED_TEXT_BYTES])
{
	const struct move_row *move = &unfinished->move;

	if (!unfinished->has_move)
		(void)snprintf(ret_text, UNFINISHED_TEXT_BYTES, "the restore of %s",
			       unfinished->restore.id);
	else if (move->state == UPDATE_STATE_UNDOING)
		(void)snprintf(ret_text, UNFINISHED_TEXT_BYTES,
			       "the way back from t3 %s to %s (run %lld)", move->to, move->from,
			       (long long)move->run);
	else
		(void)snprintf(ret_text, UNFINISHED_TEXT_BYTES,
			       "the move from t3 %s to %s (run %lld)", move->from, move->to,
			       (long long)move->run);
}

static int supersede(struct ledger *ledger, const struct unfinished *unfinished,
		     const struct restore_row *instead, int64_t at_usec, struct dv_error *err)
{
	struct move_row move = unfinished->move;

	if (!unfinished->has_move)
		return 0;
	move.state = UPDATE_STATE_SUPERSEDED;
	(void)snprintf(move.reason, sizeof(move.reason),
		       "an administrator had the copy %s restored, with t3 %s, instead of waiting "
		       "for its end",
		       instead->id, move.from);
	return moves_note(ledger, &move, at_usec, err);
}

static int write_all(struct ledger *ledger, const struct unfinished *unfinished,
		     const struct restore_row *instead, int64_t at_usec, struct dv_error *err)
{
	char what[UNFINISHED_TEXT_BYTES], text[ERROR_MAX_BYTES];
	int r = supersede(ledger, unfinished, instead, at_usec, err);

	unfinished_describe(unfinished, what);
	(void)snprintf(text, sizeof(text),
		       "%s: %s was not finished; a restore of the copy %s takes its place",
		       instead->name, what, instead->id);
	if (r == 0)
		r = restores_end(ledger, instead->name, err);
	if (r == 0)
		r = restores_begin(ledger, instead, err);
	return r < 0 ? r
		     : events_add(ledger, at_usec, LOG_WARNING, instead->name, "restore", text,
				  err);
}

int unfinished_replace(struct ledger *ledger, const struct unfinished *unfinished,
		       const struct restore_row *instead, int64_t at_usec, struct dv_error *err)
{
	int r = ledger_begin(ledger, err);

	if (r < 0)
		return r;
	r = write_all(ledger, unfinished, instead, at_usec, err);
	if (r == 0)
		r = ledger_commit(ledger, err);
	if (r < 0)
		ledger_rollback(ledger);
	return r;
}
