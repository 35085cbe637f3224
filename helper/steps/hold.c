/* hold.c - see hold.h. */
#include "steps/hold.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

#define TEXT_BYTES 256

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

int hold_set(const struct env *env, const char *user, const char *why, struct dv_error *err)
{
	char path[HOLD_PATH_BYTES], text[TEXT_BYTES];

	hold_path(user, path);
	(void)snprintf(text, sizeof(text), "%.254s\n", why);
	return file_replace(env->root_dirfd, path,
			    &(struct file_spec){ .data = text,
						 .n_bytes = strlen(text),
						 .mode = 0644,
						 .uid = geteuid(),
						 .gid = (gid_t)-1 },
			    err);
}

int hold_release(const struct env *env, const char *user, struct dv_error *err)
{
	char path[HOLD_PATH_BYTES];

	hold_path(user, path);
	return file_remove(env->root_dirfd, path, err);
}
