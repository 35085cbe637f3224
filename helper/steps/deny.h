/* deny.h - the steps `deny` and `admit`: no login for who left, and again for who is back.
 *
 * A denial is what pam_devvm reads in the account phase of every service, user managers' too:
 * neither password nor shell nor a file of the person is touched, so all of it is undone by
 * removing one file of root's. A denial that an administrator wrote is theirs: it is neither
 * replaced nor removed.
 */
#ifndef DEVVM_STEPS_DENY_H
#define DEVVM_STEPS_DENY_H

#include "steps/steps.h"

/* Of somebody who left. */
DV_MUST_CHECK int deny_check(struct step_context *context, enum step_verdict *ret_verdict,
			     char ret_what[static STEP_WHAT_BYTES], struct dv_error *err);
DV_MUST_CHECK int deny_apply(struct step_context *context, struct dv_error *err);

/* Of somebody present. */
DV_MUST_CHECK int deny_lifted_check(struct step_context *context, enum step_verdict *ret_verdict,
				    char ret_what[static STEP_WHAT_BYTES], struct dv_error *err);
DV_MUST_CHECK int deny_lifted_apply(struct step_context *context, struct dv_error *err);

#endif
