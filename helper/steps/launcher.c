/* launcher.c - see launcher.h. */
#include "steps/launcher.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/file.h"
#include "steps/work.h"

#define LAUNCHER "start-claude.sh"
#define MAX_BYTES 65536
#define TRAILER "# devvm launcher, sha256 of the lines above: "

enum launcher_state {
	LAUNCHER_CURRENT,
	LAUNCHER_ABSENT,
	LAUNCHER_OLD,	 /* ours, of another version */
	LAUNCHER_THEIRS, /* the person's */
};

/* Template and trailer; owned by the caller. */
static int compose(const struct env *env, char **ret_text, struct dv_error *err)
{
	DV_AUTO_FREE char *template = NULL;
	char hex[DIGEST_HEX_BYTES];
	char *text = NULL;
	size_t n_bytes = 0;
	int r = file_read(env->root_dirfd, LAUNCHER_TEMPLATE, MAX_BYTES, &template, &n_bytes, NULL,
			  err);

	if (r < 0)
		return dv_prefix(err, r, "the launcher's template (is devvm installed?)");
	if (n_bytes == 0 || template[n_bytes - 1] != '\n' || strlen(template) != n_bytes)
		return dv_refuse(err, -EINVAL,
				 "/" LAUNCHER_TEMPLATE
				 " does not end with a line break, or has a NUL byte");
	r = digest_sha256(template, n_bytes, hex, err);
	if (r < 0)
		return r;
	if (asprintf(&text, "%s" TRAILER "%s\n", template, hex) < 0)
		return dv_fail(err, -ENOMEM, "write ~/" LAUNCHER);
	*ret_text = text;
	return 0;
}

/* Whether the last line is a trailer that is true. */
static int is_ours(const char *text, size_t n_bytes, bool *ret_is_ours, struct dv_error *err)
{
	size_t n_trailer = strlen(TRAILER) + DIGEST_HEX_BYTES; /* with its line break */
	char hex[DIGEST_HEX_BYTES];
	const char *trailer;
	int r;

	*ret_is_ours = false;
	if (n_bytes < n_trailer)
		return 0;
	trailer = text + n_bytes - n_trailer;
	r = digest_sha256(text, n_bytes - n_trailer, hex, err);
	if (r == 0)
		*ret_is_ours = memcmp(trailer, TRAILER, strlen(TRAILER)) == 0 &&
			       memcmp(trailer + strlen(TRAILER), hex, strlen(hex)) == 0 &&
			       trailer[n_trailer - 1] == '\n';
	return r;
}

static int look(const struct step_context *context, const char *wanted,
		enum launcher_state *ret_state, struct dv_error *err)
{
	DV_AUTO_FREE char *text = NULL;
	size_t n_bytes = 0;
	struct stat st;
	bool ours = false;
	int r;

	if (fstatat(context->home->home_fd, LAUNCHER, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT)
			return dv_fail(err, -errno, "look at ~/" LAUNCHER);
		*ret_state = LAUNCHER_ABSENT;
		return 0;
	}
	/* A link, a folder, too large, not to be read: not as we make it. */
	*ret_state = LAUNCHER_THEIRS;
	if (file_read(context->home->home_fd, LAUNCHER, MAX_BYTES, &text, &n_bytes, NULL, NULL) < 0)
		return 0;
	r = is_ours(text, n_bytes, &ours, err);
	if (r == 0 && ours)
		*ret_state = n_bytes == strlen(wanted) && memcmp(text, wanted, n_bytes) == 0
				     ? LAUNCHER_CURRENT
				     : LAUNCHER_OLD;
	return r;
}

int launcher_check(struct step_context *context, enum step_verdict *ret_verdict,
		   char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	DV_AUTO_FREE char *wanted = NULL;
	enum launcher_state state = LAUNCHER_CURRENT;
	int r = compose(context->env, &wanted, err);

	if (r == 0)
		r = look(context, wanted, &state, err);
	if (r < 0)
		return r;
	*ret_verdict = state == LAUNCHER_ABSENT || state == LAUNCHER_OLD ? STEP_DIFFERS : STEP_FINE;
	(void)snprintf(ret_what, STEP_WHAT_BYTES, "%s ~/" LAUNCHER,
		       state == LAUNCHER_OLD ? "renew" : "create");
	return 0;
}

int launcher_apply(struct step_context *context, struct dv_error *err)
{
	DV_AUTO_FREE char *wanted = NULL;
	enum launcher_state state = LAUNCHER_CURRENT;
	struct file_spec spec = { .mode = 0755, .uid = (uid_t)-1, .gid = (gid_t)-1 };
	struct dv_error why = { "" };
	int r = compose(context->env, &wanted, err);

	if (r == 0)
		r = look(context, wanted, &state, err);
	if (r < 0)
		return r;
	spec.data = wanted;
	spec.n_bytes = strlen(wanted);
	switch (state) {
	case LAUNCHER_ABSENT:
		r = file_create(context->home->home_fd, LAUNCHER, &spec, &why);
		/* The person was faster: theirs. */
		if (r < 0 && r != -EEXIST)
			return dv_refuse(err, r, "%s", why.text);
		return 0;
	case LAUNCHER_OLD:
		r = file_replace(context->home->home_fd, LAUNCHER, &spec, err);
		break;
	case LAUNCHER_CURRENT:
	case LAUNCHER_THEIRS:
		break;
	}
	return r;
}
