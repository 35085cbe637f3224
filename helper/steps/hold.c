/* hold.c - see hold.h. */
#include "steps/hold.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"

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

static bool is_of_a_job(const char *text)
{
	return str_starts_with(text, HOLD_OF_UPDATE) || str_starts_with(text, HOLD_OF_RESTORE);
}

/* NULL: nobody has written anything. Borrowed from `text`. */
static const char *find_by_hand(const char *text)
{
	while (is_of_a_job(text)) {
		text += strcspn(text, "\n");
		text += *text == '\n';
		if (*text == '\0')
			return NULL;
		if (str_starts_with(text, HOLD_BEFORE))
			text += strlen(HOLD_BEFORE);
	}
	return text;
}

/* *ret_by_hand is NULL or in *ret_text. */
static int read_by_hand(const struct env *env, const char *user, char **ret_text,
			const char **ret_by_hand)
{
	struct dv_error err = { "" };
	int r = hold_read(env, user, ret_text, &err);

	*ret_by_hand = r < 0 ? NULL : find_by_hand(*ret_text);
	return r == -ENOENT ? 0 : r;
}

int hold_set(const struct env *env, const char *user, const char *why, struct dv_error *err)
{
	DV_AUTO_FREE char *before = NULL;
	DV_AUTO_FREE char *text = NULL;
	const char *by_hand;

	if (read_by_hand(env, user, &before, &by_hand) < 0)
		return 0;
	if (asprintf(&text, "%s\n%s%s", why, by_hand ? HOLD_BEFORE : "", by_hand ? by_hand : "") <
	    0)
		return dv_fail(err, -ENOMEM, "hold %s", user);
	return hold_put(env, user, text, err);
}

int hold_lift(const struct env *env, const char *user, struct dv_error *err)
{
	DV_AUTO_FREE char *text = NULL;
	const char *by_hand;

	if (read_by_hand(env, user, &text, &by_hand) < 0)
		return 0;
	return by_hand ? hold_put(env, user, by_hand, err) : hold_release(env, user, err);
}

int hold_release(const struct env *env, const char *user, struct dv_error *err)
{
	char path[HOLD_PATH_BYTES];

	hold_path(user, path);
	return file_remove(env->root_dirfd, path, err);
}
