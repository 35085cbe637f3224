/* t3_pointer.h - the step t3-pointer; see t3_pointer.c and the table in steps.c. */
#ifndef DEVVM_STEPS_T3_POINTER_H
#define DEVVM_STEPS_T3_POINTER_H

#include "steps/steps.h"

DV_MUST_CHECK int t3_pointer_check(struct step_context *context, enum step_verdict *ret_verdict,
				   char ret_what[static STEP_WHAT_BYTES], struct dv_error *err);
DV_MUST_CHECK int t3_pointer_apply(struct step_context *context, struct dv_error *err);

#endif
