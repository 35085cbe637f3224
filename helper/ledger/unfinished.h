/* unfinished.h - what was begun with somebody's data and has not come to its end: a move to another version of t3 and
 * its way back, a restore.
 *
 * devvm-recover goes on with what stands here. What is to be done instead takes its place in one transaction: there
 * is never more than one wish for a person, and whoever is killed finds the last one.
 */
#ifndef DEVVM_LEDGER_UNFINISHED_H
#define DEVVM_LEDGER_UNFINISHED_H

#include "ledger/moves.h"
#include "ledger/restores.h"

#define UNFINISHED_TEXT_BYTES 256

struct unfinished {
	bool has_move, has_restore;
	struct move_row move;
	struct restore_row restore;
	/* What leads back: the version that was theirs, and the level of migration that it knows. */
	char version[MOVES_VERSION_BYTES]; /* "": they are on it */
	int64_t level;			   /* -1: unknown */
};

/* Of `name`; nothing is found where all has come to its end. Whether somebody is at it right now is not in the
 * ledger: that is what the locks say (steps/lock.h). */
DV_MUST_CHECK int unfinished_find(struct ledger *ledger, const char *name,
				  struct unfinished *ret_unfinished, struct dv_error *err);
bool unfinished_is_any(const struct unfinished *unfinished);
/* "the way back from t3 2 to 1 (run 3)". */
void unfinished_describe(const struct unfinished *unfinished,
			 char ret_text[static UNFINISHED_TEXT_BYTES]);

/* Nobody goes on with `unfinished`: `instead`, of the same person, is begun. The move, if there is one, is superseded,
 * which its run's journal says; and it is an event. All of it or nothing. The caller holds the lock of runs where
 * there is a move, and the person's. */
DV_MUST_CHECK int unfinished_replace(struct ledger *ledger, const struct unfinished *unfinished,
				     const struct restore_row *instead, int64_t at_usec,
				     struct dv_error *err);

#endif
