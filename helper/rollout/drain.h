/* drain.h - who was at work when a version came gets it now, if they are idle.
 *
 * A run of its own in the journal, which is opened only where somebody can have it.
 */
#ifndef DEVVM_ROLLOUT_DRAIN_H
#define DEVVM_ROLLOUT_DRAIN_H

#include "rollout/rollout.h"

/* All of it, after rollout_set_up(): for `only`, or for all who wait. A timer's that is outside update.drain_window,
 * or finds nobody who can have it, tells nothing. Negative where the end could not be told. */
DV_MUST_CHECK int rollout_drain(struct rollout *rollout, enum update_outcome *ret_outcome,
				struct dv_error *err);

#endif
