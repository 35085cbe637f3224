/* back.h - a version is bad: everybody who has it already goes back. */
#ifndef DEVVM_ROLLOUT_BACK_H
#define DEVVM_ROLLOUT_BACK_H

#include "rollout/rollout.h"

/* In UPDATE_STATE_ROLLBACK of run `id` to `version`: it is condemned, everybody who was moved and has not worked
 * since goes back, and versions are frozen. Can be done again. For each person who cannot be brought back there is a
 * line in the journal, and devvm-recover goes on with them. */
enum update_outcome rollout_roll_back(struct rollout *rollout, int64_t id, const char *version,
				      const char *why);

#endif
