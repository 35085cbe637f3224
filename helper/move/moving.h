/* moving.h - what going forward (move.c) and going back (back.c) share. For the inside of move/ alone. */
#ifndef DEVVM_MOVE_MOVING_H
#define DEVVM_MOVE_MOVING_H

#include "move/letin.h"
#include "move/move.h"

/* Their row, and the journal of its run, say that they enter `state`. */
DV_MUST_CHECK int moving_enter(const struct mover *mover, struct move_row *row,
			       enum update_state state, const char *why, struct dv_error *err);

/* The person's lock, as an fd. -ETIMEDOUT where another job is at work on them. */
DV_MUST_CHECK int moving_lock(const struct mover *mover, const char *user, struct dv_error *err);

DV_MUST_CHECK int moving_point(const struct mover *mover, const char *user, const char *version,
			       struct dv_error *err);

struct letin moving_letin(const struct mover *mover, const struct people_row *person,
			  const char *version);

/* Their t3 runs again where it ran before the move, and they are there and not parked. The caller does not hold their
 * lock: before its first start a t3 waits for a copy, which takes that lock. A failure is told, and is no failure of
 * the move. */
void moving_start_again(const struct mover *mover, const struct move_row *row);

/* One that slept before and is used by nobody goes to sleep again. */
void moving_let_sleep(const struct mover *mover, const struct people_row *person,
		      const struct move_row *row);

/* Whether their t3 has a process. */
bool moving_runs(const struct mover *mover, const char *user);

#endif
