/* still.h - stop somebody's t3, but no agent of theirs that is at work.
 *
 * What may keep it from being stopped is asked twice: while it runs, and once more while all of it stands still, so
 * that nothing can begin behind the answer. What stands still always goes on again, also where systemd gave up on the
 * freeze: then its processes may stop a moment later.
 */
#ifndef DEVVM_MOVE_STILL_H
#define DEVVM_MOVE_STILL_H

#include "move/turn.h"

struct still {
	const struct env *env;
	struct manager *manager;
	const char *user;
	/* TURN_DOWN where it does not run; TURN_BUSY, with what keeps it, where it is not to be stopped. */
	int (*ask)(void *context, enum turn_verdict *ret_verdict,
		   char ret_why[static TURN_WHY_BYTES], struct dv_error *err);
	/* NULL, or what is done when it is to be stopped and cannot do anything yet: it keeps it from a new start. */
	int (*seal)(void *context, struct dv_error *err);
	void *context;
};

/* Ask, and stop it with whatever else reads the database of theirs. `ret_why` is "" where that is done, else what
 * keeps it: then it runs as before. */
DV_MUST_CHECK int still_stop_if(const struct still *still, char ret_why[static TURN_WHY_BYTES],
				struct dv_error *err);

/* Stop it without a question, also one that a killed job has left standing still. */
DV_MUST_CHECK int still_stop(struct manager *manager, const char *user, struct dv_error *err);

/* What a killed job may have left standing still goes on. */
void still_thaw(struct manager *manager, const char *user);

#endif
