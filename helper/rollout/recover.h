/* recover.h - what a killed run left open is finished or undone. */
#ifndef DEVVM_ROLLOUT_RECOVER_H
#define DEVVM_ROLLOUT_RECOVER_H

#include "rollout/rollout.h"

/* Under the lock of runs (rollout_lock()). */
DV_MUST_CHECK int rollout_recover(struct rollout *rollout, struct dv_error *err);

/* Whether the version of the run that is open has failed with somebody, in its canary, and nobody has judged it yet; so
 * too where the ledger does not say. rollout_recover() judges it. */
bool rollout_awaits_verdict(struct rollout *rollout);

#endif
