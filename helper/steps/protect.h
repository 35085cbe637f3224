/* protect.h - the step protect: trees that others must not enter (`protect:` of devvm.yaml). */
#ifndef DEVVM_STEPS_PROTECT_H
#define DEVVM_STEPS_PROTECT_H

#include "steps/steps.h"

/* In the ledger: "USEC PATH…", when a tree was last found open, and which. */
#define PROTECT_META "protect-closed"

int protect_check(struct step_context *context, enum step_verdict *ret_verdict,
		  char ret_what[static STEP_WHAT_BYTES], struct dv_error *err);
int protect_apply(struct step_context *context, struct dv_error *err);

#endif
