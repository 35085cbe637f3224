/* canary.h - people get a version, one at a time. */
#ifndef DEVVM_ROLLOUT_CANARY_H
#define DEVVM_ROLLOUT_CANARY_H

#include "rollout/rollout.h"

/* Move people to the candidate one at a time, up to the end: current and last-good, or everybody back. */
enum update_outcome rollout_canary(struct rollout *rollout);
/* The same of `version`, for those alone. */
enum update_outcome rollout_canary_of(struct rollout *rollout, const char *version,
				      const struct str_list *names);

/* Current and last-good are `version` from now on. */
DV_MUST_CHECK int rollout_finish(struct rollout *rollout, const char *version,
				 struct dv_error *err);

#endif
