/* lock.h - one lock per person, and one for the whole reconcile, shared by all jobs that
 * run as root.
 *
 * Open-file locks on /run/devvm/locks/NAME (flock(2)): a killed job's lock is gone with it.
 * The home job runs as the person and takes no lock of root's, which they could hold for
 * ever; systemd runs one devvm-home@USER at a time, what needs it gone stops it, and its
 * reports carry the generation it was started for.
 */
#ifndef DEVVM_STEPS_LOCK_H
#define DEVVM_STEPS_LOCK_H

#include <stdint.h>

#include "base/env.h"

/* Names no user can have. */
#define LOCK_RECONCILE "@reconcile"
/* A run of the updater, or a drain, or their recovery. */
#define LOCK_UPDATE "@update"

/* Returns an fd that holds the lock until it is closed; -ETIMEDOUT with who waits for
 * what. Blocks until the deadline at most. */
DV_MUST_CHECK int lock_take(const struct env *env, const char *name, int64_t deadline_ms,
			    struct dv_error *err);

#endif
