/* update_timer.h - the step `update-timer`: when the nightly update begins, from devvm.yaml. */
#ifndef DEVVM_STEPS_UPDATE_TIMER_H
#define DEVVM_STEPS_UPDATE_TIMER_H

#include "steps/steps.h"

int update_timer_check(struct step_context *context, enum step_verdict *ret_verdict,
		       char ret_what[static STEP_WHAT_BYTES], struct dv_error *err);
int update_timer_apply(struct step_context *context, struct dv_error *err);

#endif
