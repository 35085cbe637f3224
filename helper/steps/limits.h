/* limits.h - the step `limits`: memory and tasks of people's units, from devvm.yaml. */
#ifndef DEVVM_STEPS_LIMITS_H
#define DEVVM_STEPS_LIMITS_H

#include "steps/steps.h"

int limits_check(struct step_context *context, enum step_verdict *ret_verdict,
		 char ret_what[static STEP_WHAT_BYTES], struct dv_error *err);
int limits_apply(struct step_context *context, struct dv_error *err);

#endif
