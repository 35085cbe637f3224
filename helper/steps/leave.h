/* leave.h - the step `leave`: nothing runs any more for who left.
 *
 * systemd's half of leaving, in the job devvm-settle, for it waits: the home job, then what
 * their units run, then their user manager are stopped and seen to have stopped. By then the
 * ledger says that they left and the denial stands, so none of it is started again: the daemon
 * starts nothing for them, and a user manager, a lingering one too, does not get past PAM. Their
 * sessions are told and left alone: whoever is at work may save it, or an administrator ends them.
 *
 * What is done is the column `cut` of the ledger, so a run that was killed is finished by the
 * next. For somebody who is back the same column has a lingering user manager started again.
 */
#ifndef DEVVM_STEPS_LEAVE_H
#define DEVVM_STEPS_LEAVE_H

#include "steps/steps.h"

DV_MUST_CHECK int leave_check(struct step_context *context, enum step_verdict *ret_verdict,
			      char ret_what[static STEP_WHAT_BYTES], struct dv_error *err);
DV_MUST_CHECK int leave_apply(struct step_context *context, struct dv_error *err);

#endif
