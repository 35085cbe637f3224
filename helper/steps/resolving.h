/* resolving.h - root's side of asking the registry: have it asked, hold the answer against what it may be. */
#ifndef DEVVM_STEPS_RESOLVING_H
#define DEVVM_STEPS_RESOLVING_H

#include "store/stage.h"
#include "update/candidate.h"

#define RESOLVING_DEADLINE_MS (6 * 60000) /* above the unit's own */

/* What the registry says of `want`, a version or a tag of `item`. The sentence of a failure is
 * npm's where npm failed. Blocks for as long as a registry takes to answer. */
DV_MUST_CHECK int resolving_run(const struct env *env, const struct stage_item *item,
				const char *want, struct candidate *ret_candidate,
				struct dv_error *err);

/* The part of it behind the unit's end. */
DV_MUST_CHECK int resolving_take(const struct env *env, const struct stage_item *item,
				 const char *want, struct candidate *ret_candidate,
				 struct dv_error *err);

#endif
