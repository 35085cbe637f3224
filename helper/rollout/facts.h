/* facts.h - what the rules of an update ask about this machine. */
#ifndef DEVVM_ROLLOUT_FACTS_H
#define DEVVM_ROLLOUT_FACTS_H

#include "rollout/rollout.h"
#include "update/rules.h"

/* Hold the candidate against the rules (update/rules.h) with what is so on this machine now. */
DV_MUST_CHECK int rollout_judge(struct rollout *rollout, enum rules_why why,
				enum update_outcome *ret_outcome, struct dv_error *err);

#endif
