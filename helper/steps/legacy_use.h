/* legacy_use.h - is a unit of the person's own systemd in use?
 *
 * In use means: a process of its cgroup has a TCP connection, or one is a browser. Looked up in
 * /proc and /sys below env's root, as the person, who may look at their own processes. What
 * cannot be looked at is in use.
 */
#ifndef DEVVM_STEPS_LEGACY_USE_H
#define DEVVM_STEPS_LEGACY_USE_H

#include <stdbool.h>

#include "base/env.h"

#define LEGACY_USE_WHY_BYTES 64

/* `cgroup` as systemd shows ControlGroup: "/user.slice/…", "" where nothing runs. `ret_why`
 * gets a few words when in use. */
bool legacy_use_find(const struct env *env, const char *cgroup,
		     char ret_why[static LEGACY_USE_WHY_BYTES]);

#endif
