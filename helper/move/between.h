/* between.h - the hold of somebody who is between two versions of t3: set, and released, as that move's own.
 *
 * The first line of the file says whose it is: the move's, with its two versions and its run. What another has set,
 * an administrator or a restore, is not lost by it: it is kept below that line, and is what is there once the
 * move has released its own.
 */
#ifndef DEVVM_MOVE_BETWEEN_H
#define DEVVM_MOVE_BETWEEN_H

#include "ledger/moves.h"
#include "steps/hold.h"

/* One that is there already and cannot be read does as it is. */
DV_MUST_CHECK int between_hold(const struct env *env, const struct move_row *row,
			       struct dv_error *err);
/* Only this move's; another's is there again, or still. */
DV_MUST_CHECK int between_release(const struct env *env, const struct move_row *row,
				  struct dv_error *err);

/* Whether this move's own is there; one that cannot be read may be. */
bool between_is_held(const struct env *env, const struct move_row *row);
/* Everybody of `moves` who is between two versions is held (moves_is_between()); the others are left alone. One who
 * cannot be held is told on the journal and does not keep the rest from it; negative with the last failure. */
DV_MUST_CHECK int between_hold_all(const struct env *env, const struct moves *moves,
				   struct dv_error *err);

/* Whether somebody's t3 is another's business now, for what only keeps house: they are on hold, or `moves` has them
 * between two versions, where a t3 that is stopped or restarted would speak against the new one. */
bool between_is_anothers(const struct env *env, const struct moves *moves, const char *user);

#endif
