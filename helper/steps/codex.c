/* codex.c - ~/.codex/auth.json, a link to the login that the members of codex-shared share.
 *
 * Who is a member is what this process's own groups say: they are the person's, as of now. A
 * link, not a copy, because codex refreshes the login in place for all of them. Whatever stands
 * there already is the person's own, a link that leads nowhere included. Before the shared login is
 * staged nothing is linked: a `codex login` would write one person's own through the link.
 */
#include "steps/codex.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>

#include "base/home.h"
#include "steps/work.h"

#define GROUP "codex-shared"
#define SHARED "opt/codex-shared/auth.json"
#define FOLDER ".codex"
#define LOGIN FOLDER "/auth.json"
#define MAX_GROUPS 65536 /* NGROUPS_MAX of Linux */

static int look_for_membership(bool *ret_is_member, struct dv_error *err)
{
	const struct group *group = getgrnam(GROUP);
	int n = getgroups(0, NULL);
	DV_AUTO_FREE gid_t *groups = NULL;
	bool is_member;

	if (n < 0 || n > MAX_GROUPS)
		return dv_fail(err, n < 0 ? -errno : -E2BIG, "look at the own groups");
	groups = calloc((size_t)n + 1, sizeof(*groups));
	if (!groups)
		return dv_fail(err, -ENOMEM, "look at the own groups");
	n = getgroups(n, groups);
	is_member = group && group->gr_gid == getegid();
	for (int i = 0; group && i < n; i++)
		is_member = is_member || groups[i] == group->gr_gid;
	*ret_is_member = is_member;
	return 0;
}

int codex_look(struct step_context *context, enum step_verdict *ret_verdict,
	       char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	struct stat st;

	*ret_verdict = STEP_FINE;
	if (fstatat(context->home->home_fd, LOGIN, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (errno != ENOENT)
		return dv_fail(err, -errno, "look at ~/" LOGIN);
	*ret_verdict = STEP_SKIPPED;
	if (fstatat(context->env->root_dirfd, SHARED, &st, 0) < 0)
		return errno == ENOENT ? 0 : dv_fail(err, -errno, "look at /" SHARED);
	*ret_verdict = STEP_DIFFERS;
	(void)snprintf(ret_what, STEP_WHAT_BYTES, "link ~/" LOGIN " to the shared login");
	return 0;
}

int codex_check(struct step_context *context, enum step_verdict *ret_verdict,
		char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	bool is_member = false;
	int r = look_for_membership(&is_member, err);

	if (r < 0)
		return r;
	*ret_verdict = STEP_SKIPPED;
	return is_member ? codex_look(context, ret_verdict, ret_what, err) : 0;
}

int codex_apply(struct step_context *context, struct dv_error *err)
{
	DV_AUTO_CLOSE int folder_fd = home_open_folder(context->home->home_fd, FOLDER, 0700, err);

	if (folder_fd < 0)
		return folder_fd;
	if (symlinkat("/" SHARED, folder_fd, "auth.json") < 0 && errno != EEXIST)
		return dv_fail(err, -errno, "link ~/" LOGIN);
	return 0;
}
