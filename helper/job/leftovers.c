/* leftovers.c - see leftovers.h. */
#include "job/leftovers.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/file.h"
#include "ledger/backups.h"
#include "steps/paths.h"

#define MAX_BACKUPS 100 /* of one person who was archived as often */

static int set_backups_aside(const struct env *env, const char *name, int64_t uid,
			     struct dv_error *err)
{
	char from[STEPS_PATH_BYTES], to[STEPS_PATH_BYTES], suffix[16] = "";
	int root_fd = env->root_dirfd;
	int failure = -EEXIST;

	(void)snprintf(from, sizeof(from), BACKUPS_FOLDER "/%s", name);
	for (int n = 1; (failure == -EEXIST || failure == -ENOTEMPTY) && n <= MAX_BACKUPS; n++) {
		if (n > 1)
			(void)snprintf(suffix, sizeof(suffix), ".%d", n);
		(void)snprintf(to, sizeof(to), BACKUPS_FOLDER "/%s@%" PRId64 "%s", name, uid,
			       suffix);
		failure = renameat2(root_fd, from, root_fd, to, RENAME_NOREPLACE) < 0 ? -errno : 0;
	}
	if (failure != 0 && failure != -ENOENT)
		return dv_fail(err, failure, "rename /%s to /%s", from, to);
	return 0;
}

int leftovers_remove(const struct env *env, const char *name, int64_t uid, struct dv_error *err)
{
	static const char *const env_files[] = { STEPS_T3_ENV_PREFIX, STEPS_PLAYWRIGHT_ENV_PREFIX };
	char path[STEPS_PATH_BYTES];
	int r = 0;

	for (size_t i = 0; r == 0 && i < DV_COUNT(env_files); i++) {
		steps_env_path(path, env_files[i], name);
		r = file_remove(env->root_dirfd, path, err);
	}
	steps_person_path(path, "opt/devvm/t3/people", name);
	if (r == 0)
		r = file_remove(env->root_dirfd, path, err);
	return r < 0 ? r : set_backups_aside(env, name, uid, err);
}
