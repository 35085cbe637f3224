/* env.c - see env.h. */
#include "base/env.h"

#include <fcntl.h>

#include "base/clock.h"

int64_t env_real_clock(const struct env *env DV_UNUSED)
{
	return clock_wall_usec();
}

int64_t env_fixed_clock(const struct env *env)
{
	return env->fixed_usec;
}

int env_init(struct env *env, const char *root, struct dv_error *err)
{
	int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return dv_fail(err, -errno, "open %s", root);
	*env = (struct env){ .root_dirfd = fd, .wall_usec = env_real_clock };
	return 0;
}

void env_done(struct env *env)
{
	dv_closep(&env->root_dirfd);
	env->root_dirfd = -1;
}
