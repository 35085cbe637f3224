/* playwright_token.h - the step of that name; see playwright_token.c and the table in steps.c. */
#ifndef DEVVM_STEPS_PLAYWRIGHT_TOKEN_H
#define DEVVM_STEPS_PLAYWRIGHT_TOKEN_H

#include "steps/steps.h"

DV_MUST_CHECK int playwright_token_check(struct step_context *context,
					 enum step_verdict *ret_verdict,
					 char ret_what[static STEP_WHAT_BYTES],
					 struct dv_error *err);
DV_MUST_CHECK int playwright_token_apply(struct step_context *context, struct dv_error *err);

#endif
