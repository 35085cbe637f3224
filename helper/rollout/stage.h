/* stage.h - the first states of a run: resolve, guard, stage, staged. */
#ifndef DEVVM_ROLLOUT_STAGE_H
#define DEVVM_ROLLOUT_STAGE_H

#include "rollout/rollout.h"

/* From the question to a version that is staged (UPDATE_STAGED), or to what speaks
 * against it. Blocks for as long as npm takes. */
enum update_outcome update_stage(struct update *update);

/* A dry run takes away again what it brought to the machine. */
void update_take_away(struct update *update);

#endif
