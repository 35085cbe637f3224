/* prune.h - the versions that nobody needs any more. */
#ifndef DEVVM_ROLLOUT_PRUNE_H
#define DEVVM_ROLLOUT_PRUNE_H

#include "rollout/rollout.h"

/* Remove the versions that nobody needs: not current, last-good or anybody's, not what a run that is
 * open comes from or goes to, not among the newest. */
DV_MUST_CHECK int rollout_prune(struct rollout *rollout, struct dv_error *err);

#endif
