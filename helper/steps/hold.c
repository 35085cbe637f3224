/* hold.c - see hold.h. */
#include "steps/hold.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

#define TEXT_BYTES 256
#define FILE_MAX_BYTES 4096 /* what somebody writes by hand may be longer */

void hold_path(const char *user, char ret_path[static HOLD_PATH_BYTES])
{
	(void)snprintf(ret_path, HOLD_PATH_BYTES, HOLD_FOLDER "/%s", user);
}

bool hold_is_set(const struct env *env, const char *user)
{
	char path[HOLD_PATH_BYTES];

	hold_path(user, path);
	return faccessat(env->root_dirfd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

int hold_read(const struct env *env, const char *user, char **ret_text, struct dv_error *err)
{
	char path[HOLD_PATH_BYTES];
	size_t n_bytes = 0;

	hold_path(user, path);
	return file_read(env->root_dirfd, path, FILE_MAX_BYTES, ret_text, &n_bytes, NULL, err);
}

int hold_put(const struct env *env, const char *user, const char *text, struct dv_error *err)
{
	char path[HOLD_PATH_BYTES];

	hold_path(user, path);
	return file_replace(env->root_dirfd, path,
			    &(struct file_spec){ .data = text,
						 .n_bytes = strlen(text),
						 .mode = 0644,
						 .uid = geteuid(),
						 .gid = (gid_t)-1 },
			    err);
}

int hold_set(const struct env *env, const char *user, const char *why, struct dv_error *err)
{
	char text[TEXT_BYTES];

	(void)snprintf(text, sizeof(text), "%.254s\n", why);
	return hold_put(env, user, text, err);
}

int hold_release(const struct env *env, const char *user, struct dv_error *err)
{
	char path[HOLD_PATH_BYTES];

	hold_path(user, path);
	return file_remove(env->root_dirfd, path, err);
}
