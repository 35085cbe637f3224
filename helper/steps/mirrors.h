/* mirrors.h - the machine's step `mirrors`: run the mirrors of devvm.yaml that are due. */
#ifndef DEVVM_STEPS_MIRRORS_H
#define DEVVM_STEPS_MIRRORS_H

#include "config/config_mirrors.h"
#include "ledger/mirrors_log.h"
#include "steps/steps.h"

int mirrors_check(struct step_context *context, enum step_verdict *ret_verdict,
		  char ret_what[static STEP_WHAT_BYTES], struct dv_error *err);
int mirrors_apply(struct step_context *context, struct dv_error *err);

/* "SOURCE -> DESTINATION", newly allocated; NULL when memory is short. */
char *mirrors_route(const struct config_mirror *mirror);
/* Whether to run it: it never ran (`last` NULL), did not end well, has another route since, or its
 * interval is over. Pure. */
bool mirrors_is_due(const struct config_mirror *mirror, const char *route,
		    const struct mirrors_log_row *last, int64_t now_usec);

#endif
