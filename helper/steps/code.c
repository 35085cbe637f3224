/* code.c - ~/code, and in the workspace layout a clone of each repository.
 *
 * git does it, as the person, with their own credentials and configuration. A clone that is
 * there is never touched. A new one is made under another name and renamed, so a clone that
 * was cut off is not taken for a whole one.
 */
#include "steps/code.h"

#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "steps/work.h"

#define CODE "code"
#define CLONE_DEADLINE_MS 540000
#define NAME_BYTES 320

static bool is_there(int dirfd, const char *path)
{
	return faccessat(dirfd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int code_check(struct step_context *context, enum step_verdict *ret_verdict,
	       char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	const struct home_work *work = context->home;
	struct stat st;

	*ret_verdict = STEP_DIFFERS;
	if (fstatat(work->home_fd, CODE, &st, 0) < 0) {
		if (errno != ENOENT)
			return dv_fail(err, -errno, "look at ~/%s", CODE);
		(void)snprintf(ret_what, STEP_WHAT_BYTES, "create ~/%s", CODE);
		return 0;
	}
	if (!S_ISDIR(st.st_mode))
		return dv_refuse(err, -ENOTDIR, "~/%s is not a folder: move it away", CODE);
	for (size_t i = 0; work->layout == CODE_WORKSPACE && i < work->repos.n_items; i++) {
		char path[NAME_BYTES];

		(void)snprintf(path, sizeof(path), CODE "/%s", work->repos.items[i]);
		if (is_there(work->home_fd, path))
			continue;
		(void)snprintf(ret_what, STEP_WHAT_BYTES, "clone %s", work->repos.items[i]);
		return 0;
	}
	*ret_verdict = STEP_FINE;
	return 0;
}

/* `remote` with {repo} replaced; owned by the caller. */
static char *remote_of(const char *remote, const char *repo)
{
	const char *hole = strstr(remote, "{repo}");
	char *url = NULL;

	if (!hole || asprintf(&url, "%.*s%s%s", (int)(hole - remote), remote, repo,
			      hole + strlen("{repo}")) < 0)
		return NULL;
	return url;
}

/* git says what is wrong first, behind ssh's warnings; its last line is advice ("and the
 * repository exists."). */
static const char *first_words(char *output)
{
	char *rest = output;
	char *line;

	while ((line = strsep(&rest, "\n"))) {
		line[strcspn(line, "\r")] = '\0';
		if (*line && strncasecmp(line, "warning:", strlen("warning:")) != 0)
			return line;
	}
	return "it does not say why";
}

static int run_git(const struct process_spec *spec, struct dv_error *err)
{
	DV_AUTO_FREE struct process_result *result = malloc(sizeof(*result));
	int r = result ? process_run(spec, result, err) : dv_fail(err, -ENOMEM, "run git");

	if (r < 0)
		return r;
	if (result->timed_out)
		return dv_refuse(err, -ETIMEDOUT, "git did not end in time");
	if (result->signal)
		return dv_refuse(err, -EIO, "git was ended by signal %d", result->signal);
	if (result->exit_status != 0)
		return dv_refuse(err, -EIO, "git exited with status %d: %s", result->exit_status,
				 first_words(result->output));
	return 0;
}

static int clone_repo(const struct home_work *work, const char *repo, struct dv_error *err)
{
	DV_AUTO_FREE char *url = remote_of(work->code_remote, repo);
	DV_AUTO_FREE char *folder = NULL;
	char target[NAME_BYTES], cloning[NAME_BYTES];
	const char *const discard[] = { "rm", "-rf", "--", cloning, NULL };
	const char *const clone[] = { "git", "clone", "--quiet", "--", url, cloning, NULL };
	struct process_spec spec = { .argv = discard,
				     .deadline_ms = clock_deadline_ms(CLONE_DEADLINE_MS) };
	int r;

	if (!url || asprintf(&folder, "%s/" CODE, work->home) < 0)
		return dv_fail(err, -ENOMEM, "clone %s", repo);
	(void)snprintf(target, sizeof(target), CODE "/%s", repo);
	(void)snprintf(cloning, sizeof(cloning), ".cloning-%s", repo);
	spec.working_folder = folder;
	r = process_run_ok(&spec, err);
	spec.argv = clone;
	if (r == 0)
		r = run_git(&spec, err);
	if (r < 0)
		return dv_prefix(err, r, "clone %s", repo);
	(void)snprintf(cloning, sizeof(cloning), CODE "/.cloning-%s", repo);
	/* RENAME_NOREPLACE: what the person made meanwhile stays. */
	if (renameat2(work->home_fd, cloning, work->home_fd, target, RENAME_NOREPLACE) < 0)
		return dv_fail(err, -errno, "rename ~/%s to ~/%s", cloning, target);
	return 0;
}

int code_apply(struct step_context *context, struct dv_error *err)
{
	const struct home_work *work = context->home;
	int r = file_make_dirs(work->home_fd, CODE, 0755, err);

	if (r < 0 || work->layout != CODE_WORKSPACE || work->repos.n_items == 0)
		return r;
	if (!work->code_remote)
		return dv_refuse(err, -EINVAL,
				 "the roster names repositories, but code.remote is not set in "
				 "/etc/devvm/devvm.yaml");
	for (size_t i = 0; i < work->repos.n_items; i++) {
		struct dv_error why = { "" };
		char path[NAME_BYTES];
		int failure;

		(void)snprintf(path, sizeof(path), CODE "/%s", work->repos.items[i]);
		if (is_there(work->home_fd, path))
			continue;
		/* One that cannot be had does not keep the others away. */
		failure = clone_repo(work, work->repos.items[i], &why);
		if (failure < 0 && r == 0)
			r = dv_refuse(err, failure, "%s", why.text);
	}
	return r;
}
