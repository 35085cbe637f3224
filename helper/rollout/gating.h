/* gating.h - a version on several databases, and what that comes to.
 *
 * Each database is checked by a unit of its own, the last good version on the same one only where the new one
 * did not pass; gate/verdict.h says what that comes to. Nothing is changed by it.
 */
#ifndef DEVVM_ROLLOUT_GATING_H
#define DEVVM_ROLLOUT_GATING_H

#include "gate/gate.h"
#include "gate/verdict.h"
#include "store/store.h"

#define GATING_SEEDS_MAX 16

struct gated {
	enum gate_whose whose;
	struct gate_seed seed; /* its name is `name`, or static; its path is borrowed */
	char name[STR_USER_NAME_MAX + 1];
	struct gate_result candidate, last_good;
	_Bool is_excluded;
};

struct gating {
	const struct env *env;
	const char *version;
	const char *last_good; /* "": there is none */
	unsigned int start_s;  /* that a start may take; GATE_START_MAX_S at most */
	struct gated *seeds;
	size_t n_seeds;
	enum gate_verdict verdict;
};

/* The synthetic database, as a seed. */
struct gated gating_synthetic(void);

/* Check all, and judge. Blocks: nine minutes and start_s a database at most, and ten for another gate to end. Negative where
 * none could begin. */
DV_MUST_CHECK int gating_run(struct gating *gating, struct dv_error *err);

#endif
