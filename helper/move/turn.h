/* turn.h - whether an agent of somebody's t3 is in the midst of a turn, for whoever wants to stop it.
 *
 * An agent's process stays long after a turn, and a turn that was killed leaves its mark in the database, so neither
 * alone says anything: busy is a turn whose row changed since their t3 started, and an agent in its cgroup. Whatever
 * cannot be read or understood is busy, with the reason: nobody's work is ended for a guess. move/busy.h asks another
 * question, whether anybody uses it at all. Source: t3's contract.
 */
#ifndef DEVVM_MOVE_TURN_H
#define DEVVM_MOVE_TURN_H

#include "base/env.h"
#include "units/manager.h"

enum turn_verdict {
	TURN_UNSET = 0,
	TURN_DOWN, /* their t3 does not run */
	TURN_IDLE,
	TURN_BUSY,
};

#define TURN_WHY_BYTES 128

/* `ret_why` says why one is busy, and is "" else. The caller holds the person's lock. Blocks like
 * look_run(). Negative only for what is nobody's trouble: -ENOMEM, -EINVAL for no name of a user. */
DV_MUST_CHECK int turn_look(const struct env *env, struct manager *manager, const char *user,
			    enum turn_verdict *ret_verdict, char ret_why[static TURN_WHY_BYTES],
			    struct dv_error *err);

#endif
