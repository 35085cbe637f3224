/* hold.c - see hold.h. */
#include "steps/hold.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

/* What somebody writes by hand may be longer; it is only told. */
#define FILE_MAX_BYTES 4096

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

int hold_read(const struct env *env, const char *user, char ret_why[static HOLD_WHY_BYTES],
	      struct dv_error *err)
{
	DV_AUTO_FREE char *text = NULL;
	char path[HOLD_PATH_BYTES];
	size_t n_bytes = 0;
	int r;

	hold_path(user, path);
	r = file_read(env->root_dirfd, path, FILE_MAX_BYTES, &text, &n_bytes, NULL, err);
	if (r < 0)
		return r;
	(void)snprintf(ret_why, HOLD_WHY_BYTES, "%.*s", (int)strcspn(text, "\n"), text);
	return 0;
}

int hold_set(const struct env *env, const char *user, const char *why, struct dv_error *err)
{
	char path[HOLD_PATH_BYTES], text[HOLD_WHY_BYTES];

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
