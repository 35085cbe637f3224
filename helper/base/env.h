/* env.h - the outside world, as a value.
 *
 * Everything that touches files or the time takes `const struct env *`. In
 * production it is the real root and the real clock; a test passes a scratch
 * folder and a clock of its own, so no production struct carries a test switch.
 * Paths are therefore written relative to the root ("etc/devvm/devvm.yaml").
 */
#ifndef DEVVM_BASE_ENV_H
#define DEVVM_BASE_ENV_H

#include <stdint.h>

#include "base/error.h"

struct env {
	int root_dirfd;				  /* owned by whoever called env_init() */
	int64_t (*wall_usec)(const struct env *); /* microseconds since the epoch */
	int64_t fixed_usec;			  /* what env_fixed_clock() answers */
};

#define ENV_EMPTY ((struct env){ .root_dirfd = -1 })

/* Open `root` ("/" in production) with the real clock. Release with env_done(). */
DV_MUST_CHECK int env_init(struct env *env, const char *root, struct dv_error *err);
void env_done(struct env *env);

/* The clocks to put into `wall_usec`. */
int64_t env_real_clock(const struct env *env);
int64_t env_fixed_clock(const struct env *env);

#define DV_AUTO_ENV DV_CLEANUP(env_done)

#endif
