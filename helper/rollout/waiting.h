/* waiting.h - who keeps an old version for now: because they asked to, or because a run passed them over. */
#ifndef DEVVM_ROLLOUT_WAITING_H
#define DEVVM_ROLLOUT_WAITING_H

#include "ledger/deferrals.h"
#include "rollout/rollout.h"

/* Whether they have asked for no other version before a time that is to come; whoever asks for one now (`only`) no
 * longer does. `deferral` may be NULL. Then `ret_why` says so. */
bool rollout_is_to_wait(const struct rollout *rollout, const struct deferral *deferral,
			char ret_why[static DEFERRALS_WHY_BYTES]);

/* They are passed over with `version`, and `why`. The first time that they have kept one waiting for longer than
 * update.defer_max is an event. */
DV_MUST_CHECK int rollout_put_off(struct rollout *rollout, const char *name, const char *version,
				  const char *why, struct dv_error *err);

#endif
