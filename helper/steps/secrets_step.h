/* secrets_step.h - the machine's step `secrets`: every secret of devvm.yaml, asked for and
 * staged where it is absent or its source has a newer version. */
#ifndef DEVVM_STEPS_SECRETS_STEP_H
#define DEVVM_STEPS_SECRETS_STEP_H

#include "steps/steps.h"

int secrets_step_check(struct step_context *context, enum step_verdict *ret_verdict,
		       char ret_what[static STEP_WHAT_BYTES], struct dv_error *err);
int secrets_step_apply(struct step_context *context, struct dv_error *err);

/* What a pass found, kept in its view between check and apply. */
void secrets_step_forget(struct reconcile_view *view);

#endif
