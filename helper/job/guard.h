/* guard.h - run one home step in a process of its own, with a deadline.
 *
 * A home can hang: a dead network or FUSE mount makes a plain stat wait for ever. The step
 * runs in a child that opens the home itself; the parent waits with a deadline, kills the
 * child's whole group and has an answer either way.
 */
#ifndef DEVVM_JOB_GUARD_H
#define DEVVM_JOB_GUARD_H

#include "steps/steps.h"
#include "steps/work.h"

struct guard_result {
	enum step_verdict verdict; /* after the apply, where there was one */
	enum people_login login;   /* of the facts step */
	bool applied;
	char what[STEP_WHAT_BYTES]; /* what was done */
	struct dv_error err;	    /* "" when all is well */
};

/* Called in the parent when the check found something to do, before the apply begins. */
typedef void (*guard_on_apply)(void *context, const struct step *step);

/* Never fails: what went wrong is in `ret_result->err`. Blocks for the step's deadline. */
void guard_run(const struct env *env, const struct home_work *work, const struct step *step,
	       guard_on_apply on_apply, void *context, struct guard_result *ret_result);

#endif
