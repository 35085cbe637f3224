/* withdraw.h - the step `withdraw`: of somebody who left, the roster's ssh keys, the links and
 * drop-ins of their units and their ticket go. What runs is stopped by the step `leave`. */
#ifndef DEVVM_STEPS_WITHDRAW_H
#define DEVVM_STEPS_WITHDRAW_H

#include "steps/steps.h"

DV_MUST_CHECK int withdraw_check(struct step_context *context, enum step_verdict *ret_verdict,
				 char ret_what[static STEP_WHAT_BYTES], struct dv_error *err);
DV_MUST_CHECK int withdraw_apply(struct step_context *context, struct dv_error *err);

#endif
