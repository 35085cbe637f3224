/* recover.h - what a killed run left open is finished or undone. */
#ifndef DEVVM_ROLLOUT_RECOVER_H
#define DEVVM_ROLLOUT_RECOVER_H

#include "rollout/rollout.h"

/* Under the lock of runs (rollout_lock()). */
DV_MUST_CHECK int rollout_recover(struct rollout *rollout, struct dv_error *err);

#endif
