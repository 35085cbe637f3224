/* playwright_server.h - the step playwright-server; see playwright_server.c and the table in steps.c. */
#ifndef DEVVM_STEPS_PLAYWRIGHT_SERVER_H
#define DEVVM_STEPS_PLAYWRIGHT_SERVER_H

#include "steps/steps.h"

DV_MUST_CHECK int playwright_server_check(struct step_context *context,
					  enum step_verdict *ret_verdict,
					  char ret_what[static STEP_WHAT_BYTES],
					  struct dv_error *err);
DV_MUST_CHECK int playwright_server_apply(struct step_context *context, struct dv_error *err);

#endif
