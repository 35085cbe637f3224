/* codex.h - the step of that name; see codex.c and the table in steps.c. */
#ifndef DEVVM_STEPS_CODEX_H
#define DEVVM_STEPS_CODEX_H

#include "steps/steps.h"

DV_MUST_CHECK int codex_check(struct step_context *context, enum step_verdict *ret_verdict,
			      char ret_what[static STEP_WHAT_BYTES], struct dv_error *err);
DV_MUST_CHECK int codex_apply(struct step_context *context, struct dv_error *err);

/* The check for somebody who is a member. */
DV_MUST_CHECK int codex_look(struct step_context *context, enum step_verdict *ret_verdict,
			     char ret_what[static STEP_WHAT_BYTES], struct dv_error *err);

#endif
