/* stage.h - the first states of a run: resolve, guard, stage, staged. */
#ifndef DEVVM_ROLLOUT_STAGE_H
#define DEVVM_ROLLOUT_STAGE_H

#include "rollout/rollout.h"

/* From the question to a version that is staged (UPDATE_STAGED), or to what speaks
 * against it. Blocks for as long as npm takes. */
enum update_outcome rollout_stage(struct rollout *rollout);

/* A dry run takes away again what it brought to the machine. */
void rollout_take_away(struct rollout *rollout);

#endif
