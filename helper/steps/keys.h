/* keys.h - the step of that name; see keys.c and the table in steps.c. */
#ifndef DEVVM_STEPS_KEYS_H
#define DEVVM_STEPS_KEYS_H

#include "steps/steps.h"

DV_MUST_CHECK int keys_check(struct step_context *context, enum step_verdict *ret_verdict,
			     char ret_what[static STEP_WHAT_BYTES], struct dv_error *err);
DV_MUST_CHECK int keys_apply(struct step_context *context, struct dv_error *err);

/* Of somebody who has left; absent is success. */
DV_MUST_CHECK int keys_remove(const struct env *env, const char *name, struct dv_error *err);

#endif
