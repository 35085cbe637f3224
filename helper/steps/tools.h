/* tools.h - the step tools: pinned programs for the machine (`tools:` of devvm.yaml). */
#ifndef DEVVM_STEPS_TOOLS_H
#define DEVVM_STEPS_TOOLS_H

#include "steps/steps.h"

int tools_check(struct step_context *context, enum step_verdict *ret_verdict,
		char ret_what[static STEP_WHAT_BYTES], struct dv_error *err);
int tools_apply(struct step_context *context, struct dv_error *err);

#endif
