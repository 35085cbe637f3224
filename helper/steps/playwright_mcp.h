/* playwright_mcp.h - the step of that name; see playwright_mcp.c and the table in steps.c. */
#ifndef DEVVM_STEPS_PLAYWRIGHT_MCP_H
#define DEVVM_STEPS_PLAYWRIGHT_MCP_H

#include "steps/steps.h"

DV_MUST_CHECK int playwright_mcp_check(struct step_context *context, enum step_verdict *ret_verdict,
				       char ret_what[static STEP_WHAT_BYTES], struct dv_error *err);
DV_MUST_CHECK int playwright_mcp_apply(struct step_context *context, struct dv_error *err);

#endif
