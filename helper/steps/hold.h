/* hold.h - somebody whose data is being worked on: nothing of theirs starts, and nobody pairs with their t3.
 *
 * /var/lib/devvm/hold/NAME, root's, on the disk: it outlives a power loss, and their units look at it before they
 * start (ConditionPathExists=). Whoever sets one notes first, where a recovery finds it, that it is theirs to
 * release; one that was set by hand stays until it is removed by hand. Two at once: move/between.h.
 */
#ifndef DEVVM_STEPS_HOLD_H
#define DEVVM_STEPS_HOLD_H

#include <stdbool.h>

#include "base/env.h"

#define HOLD_FOLDER "var/lib/devvm/hold" /* below the root of struct env */
#define HOLD_PATH_BYTES (sizeof(HOLD_FOLDER) + 64)

/* With these words begins what a job writes; below its line stands what was there before. */
#define HOLD_OF_UPDATE "update of t3 from "
#define HOLD_OF_RESTORE "restore of "
#define HOLD_BEFORE "held before that:\n"

/* Below the root of struct env. `user` is a user name. */
void hold_path(const char *user, char ret_path[static HOLD_PATH_BYTES]);
/* Anything but a clear no is a yes. */
bool hold_is_set(const struct env *env, const char *user);
/* What stands in it, newly allocated; "" for an empty one. -ENOENT where nobody holds them, -EFBIG for a book. */
DV_MUST_CHECK int hold_read(const struct env *env, const char *user, char **ret_text,
			    struct dv_error *err);
/* All of the file as it is to be. */
DV_MUST_CHECK int hold_put(const struct env *env, const char *user, const char *text,
			   struct dv_error *err);
/* `why` is a line for people, of HOLD_OF_RESTORE or such. In the place of what another job has written; what somebody
 * has written by hand stays below it. One that is there and cannot be read does as it is, for hold_lift(), too. */
DV_MUST_CHECK int hold_set(const struct env *env, const char *user, const char *why,
			   struct dv_error *err);
/* What jobs have written goes; what was written by hand is what is there then, and holds. */
DV_MUST_CHECK int hold_lift(const struct env *env, const char *user, struct dv_error *err);
/* All of it, whoever wrote it. One that is not there is released already. */
DV_MUST_CHECK int hold_release(const struct env *env, const char *user, struct dv_error *err);

#endif
