/* between.h - the hold of somebody who is between two versions of t3: set, and released, as that move's own.
 *
 * The text of the file says whose it is: the move's, with its two versions and its run. What has another text was
 * set by an administrator or by a restore: it holds them as well, and is neither replaced nor released here.
 */
#ifndef DEVVM_MOVE_BETWEEN_H
#define DEVVM_MOVE_BETWEEN_H

#include "ledger/moves.h"
#include "steps/hold.h"

/* Somebody else's hold is left as it is, and does as well. */
DV_MUST_CHECK int between_hold(const struct env *env, const struct move_row *row,
			       struct dv_error *err);
/* Only where it is this move's. What cannot be read is somebody else's. */
DV_MUST_CHECK int between_release(const struct env *env, const struct move_row *row,
				  struct dv_error *err);

/* Everybody of `moves` who is between two versions is held (moves_is_between()); the others are left alone. One who
 * cannot be held is told on the journal and does not keep the rest from it; negative with the last failure. */
DV_MUST_CHECK int between_hold_all(const struct env *env, const struct moves *moves,
				   struct dv_error *err);

#endif
