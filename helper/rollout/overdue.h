/* overdue.h - somebody has kept a version waiting for longer than update.defer_max. */
#ifndef DEVVM_ROLLOUT_OVERDUE_H
#define DEVVM_ROLLOUT_OVERDUE_H

#include "rollout/rollout.h"

/* They were passed over: the first time that they have blocked it for longer than update.defer_max is an event. */
DV_MUST_CHECK int rollout_note_overdue(struct rollout *rollout, const char *name,
				       struct dv_error *err);

#endif
