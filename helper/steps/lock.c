/* lock.c - see lock.h. */
#include "steps/lock.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>

#include "base/clock.h"
#include "base/file.h"
#include "steps/paths.h"

#define RETRY_MS 10

int lock_take(const struct env *env, const char *name, int64_t deadline_ms, struct dv_error *err)
{
	char path[STEPS_PATH_BYTES];
	DV_AUTO_CLOSE int fd = -1;
	int r = file_make_dirs(env->root_dirfd, STEPS_LOCKS_FOLDER, 0700, err);

	if (r < 0)
		return r;
	steps_person_path(path, STEPS_LOCKS_FOLDER, name);
	fd = openat(env->root_dirfd, path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return dv_fail(err, -errno, "open /%s", path);
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return dv_fail(err, -errno, "lock /%s", path);
		if (clock_left_ms(deadline_ms) == 0)
			return dv_refuse(err, -ETIMEDOUT, "another job holds /%s for too long",
					 path);
		(void)poll(NULL, 0, RETRY_MS);
	}
	return DV_TAKE_FD(fd);
}
