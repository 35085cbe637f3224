/* proven.h - what a version is held against, and whether it has proved itself already. */
#ifndef DEVVM_ROLLOUT_PROVEN_H
#define DEVVM_ROLLOUT_PROVEN_H

#include "rollout/rollout.h"

/* The version that is current, "" for none; and into rollout->last_good the last that a run has brought to its end,
 * else the current one. */
DV_MUST_CHECK int rollout_find_good(struct rollout *rollout,
				    char ret_current[static STORE_VERSION_BYTES],
				    struct dv_error *err);

/* Others have had it before: it is current already, or an older one that somebody asked for. What fails with one
 * person is theirs then, and condemns nothing. Behind rollout_find_good(). */
bool rollout_is_proven(const struct rollout *rollout, const char *current, const char *version);

#endif
