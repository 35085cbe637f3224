/* retire_legacy.h - the step of that name; see retire_legacy.c and the table in steps.c. */
#ifndef DEVVM_STEPS_RETIRE_LEGACY_H
#define DEVVM_STEPS_RETIRE_LEGACY_H

#include "steps/steps.h"

DV_MUST_CHECK int retire_legacy_check(struct step_context *context, enum step_verdict *ret_verdict,
				      char ret_what[static STEP_WHAT_BYTES], struct dv_error *err);
DV_MUST_CHECK int retire_legacy_apply(struct step_context *context, struct dv_error *err);

#endif
