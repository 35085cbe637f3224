/* gating.c - see gating.h. */
#include "rollout/gating.h"

#include "base/clock.h"

#define LOCK_MS (10 * 60000)

struct gated gating_synthetic(void)
{
	return (struct gated){ .whose = GATE_SYNTHETIC,
			       .seed = { .name = GATE_SYNTHETIC_NAME, .path = NULL } };
}

int gating_run(struct gating *gating, struct dv_error *err)
{
	const struct gate_order candidate = { gating->version, gating->last_good, gating->start_s };
	const struct gate_order last_good = { gating->last_good, gating->last_good,
					      gating->start_s };
	DV_AUTO_CLOSE int lock_fd = gate_lock(gating->env, clock_deadline_ms(LOCK_MS), err);
	struct gate_seed_outcome outcomes[GATING_SEEDS_MAX] = { 0 };
	_Bool excluded[GATING_SEEDS_MAX] = { 0 };

	if (lock_fd < 0)
		return lock_fd;
	for (size_t i = 0; i < gating->n_seeds; i++) {
		struct gated *gated = &gating->seeds[i];

		gate_run(gating->env, &candidate, &gated->seed, &gated->candidate);
		if (gated->candidate.outcome == GATE_FAILED && *gating->last_good)
			gate_run(gating->env, &last_good, &gated->seed, &gated->last_good);
		outcomes[i] = (struct gate_seed_outcome){ gated->whose, gated->candidate.outcome,
							  gated->last_good.outcome };
	}
	gating->verdict = gate_judge(outcomes, gating->n_seeds, excluded);
	for (size_t i = 0; i < gating->n_seeds; i++)
		gating->seeds[i].is_excluded = excluded[i];
	return 0;
}
