/* facts.h - the step of that name; see facts.c and the table in steps.c. */
#ifndef DEVVM_STEPS_FACTS_H
#define DEVVM_STEPS_FACTS_H

#include "steps/steps.h"

DV_MUST_CHECK int facts_check(struct step_context *context, enum step_verdict *ret_verdict,
			      char ret_what[static STEP_WHAT_BYTES], struct dv_error *err);
DV_MUST_CHECK int facts_apply(struct step_context *context, struct dv_error *err);

/* Look. PEOPLE_LOGIN_NONE or PEOPLE_LOGIN_OWN; -errno when it cannot be told. */
DV_MUST_CHECK int facts_look(const struct home_work *work, enum people_login *ret_login,
			     struct dv_error *err);

#endif
