/* hold.h - somebody whose data is being worked on: nothing of theirs starts, and nobody pairs with their t3.
 *
 * /var/lib/devvm/hold/NAME, root's, on the disk: it outlives a power loss, and their units look at it before they
 * start (ConditionPathExists=). Whoever sets one notes first, where a recovery finds it, that it is theirs to
 * release; one that was set by hand stays until it is removed by hand.
 */
#ifndef DEVVM_STEPS_HOLD_H
#define DEVVM_STEPS_HOLD_H

#include <stdbool.h>

#include "base/env.h"

#define HOLD_FOLDER "var/lib/devvm/hold" /* below the root of struct env */
#define HOLD_PATH_BYTES (sizeof(HOLD_FOLDER) + 64)
#define HOLD_WHY_BYTES 256

/* Below the root of struct env. `user` is a user name. */
void hold_path(const char *user, char ret_path[static HOLD_PATH_BYTES]);
/* Anything but a clear no is a yes. */
bool hold_is_set(const struct env *env, const char *user);
/* The line for people in it, "" for an empty one; cut to what fits. -ENOENT where nobody holds them. */
DV_MUST_CHECK int hold_read(const struct env *env, const char *user,
			    char ret_why[static HOLD_WHY_BYTES], struct dv_error *err);
/* `why` is a line for people; one that is there already is replaced. */
DV_MUST_CHECK int hold_set(const struct env *env, const char *user, const char *why,
			   struct dv_error *err);
/* One that is not there is released already. */
DV_MUST_CHECK int hold_release(const struct env *env, const char *user, struct dv_error *err);

#endif
