/* claude.c - see claude.h. */
#include "steps/claude.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "steps/claude_cache.h"
#include "steps/claude_installer.h"
#include "steps/work.h"

#define BIN ".local/bin"
#define BIN_CLAUDE BIN "/claude"
#define VERSIONS ".local/share/claude/versions"
#define LINK_BYTES 4096

/* What a name in the home leads to. */
enum place {
	PLACE_EMPTY,
	PLACE_PROGRAM,	/* an executable file, at the end of whatever links */
	PLACE_DANGLING, /* a link of ours that leads nowhere */
	PLACE_TAKEN,	/* the person's, and no program */
};

static bool is_our_link(const struct home_work *work, const char *target)
{
	size_t n_home = strlen(work->home);

	if (str_starts_with(target, "/" CLAUDE_FOLDER "/") ||
	    str_starts_with(target, "../share/claude/versions/"))
		return true;
	return strncmp(target, work->home, n_home) == 0 &&
	       str_starts_with(target + n_home, "/" VERSIONS "/");
}

/* Neither a FIFO nor a device is opened: stat(2) and access(2) do not wait for them. */
static int look_at(const struct home_work *work, const char *path, enum place *ret_place,
		   struct dv_error *err)
{
	char target[LINK_BYTES];
	struct stat st;
	ssize_t n;

	if (fstatat(work->home_fd, path, &st, 0) == 0) {
		bool is_program = S_ISREG(st.st_mode) &&
				  faccessat(work->home_fd, path, X_OK, AT_EACCESS) == 0;

		*ret_place = is_program ? PLACE_PROGRAM : PLACE_TAKEN;
		return 0;
	}
	if (errno != ENOENT && errno != ELOOP)
		return dv_fail(err, -errno, "look at ~/%s", path);
	n = readlinkat(work->home_fd, path, target, sizeof(target) - 1);
	if (n < 0) {
		if (errno != ENOENT)
			return dv_fail(err, -errno, "look at ~/%s", path);
		*ret_place = PLACE_EMPTY;
		return 0;
	}
	target[n] = '\0';
	*ret_place = is_our_link(work, target) ? PLACE_DANGLING : PLACE_TAKEN;
	return 0;
}

static int refuse_taken(const char *path, struct dv_error *err)
{
	return dv_refuse(err, -EEXIST,
			 "~/%s is there and is not a program that can be run: move it away", path);
}

int claude_check(struct step_context *context, enum step_verdict *ret_verdict,
		 char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	const struct config *config = context->config;
	enum place place = PLACE_EMPTY;
	int r;

	if (config->claude_source == CLAUDE_NONE) {
		*ret_verdict = STEP_SKIPPED;
		return 0;
	}
	r = look_at(context->home, BIN_CLAUDE, &place, err);
	if (r < 0)
		return r;
	if (place == PLACE_TAKEN)
		return refuse_taken(BIN_CLAUDE, err);
	*ret_verdict = place == PLACE_PROGRAM ? STEP_FINE : STEP_DIFFERS;
	(void)snprintf(ret_what, STEP_WHAT_BYTES, "%s claude%s%s",
		       place == PLACE_DANGLING ? "mend" : "install",
		       config->claude_version ? " " : "",
		       config->claude_version ? config->claude_version : "");
	return 0;
}

/* ---- from the machine's copy ----------------------------------------------------------- */

static int copy_all(int from_fd, int to_fd, struct dv_error *err)
{
	struct stat st;
	off_t at = 0;

	if (fstat(from_fd, &st) < 0)
		return dv_fail(err, -errno, "look at the machine's copy");
	while (at < st.st_size) {
		ssize_t n =
			copy_file_range(from_fd, &at, to_fd, NULL, (size_t)(st.st_size - at), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return dv_fail(err, n < 0 ? -errno : -EIO, "copy claude into ~/" VERSIONS);
	}
	return 0;
}

/* A file of the person's own: its blocks shared, or copied. -EOPNOTSUPP: they cannot be
 * shared here. -EEXIST: there is one by now. */
static int put_file(int cache_fd, int versions_fd, const char *version, bool copies,
		    struct dv_error *err)
{
	char temporary[FILE_TEMPORARY_BYTES];
	DV_AUTO_CLOSE int fd = file_create_temporary(versions_fd, version, temporary, err);
	int r = 0;

	if (fd < 0)
		return fd;
	/* Another file system, one that has no reflinks, or an old kernel: all the same to us. */
	if (copies)
		r = copy_all(cache_fd, fd, err);
	else if (ioctl(fd, FICLONE, cache_fd) < 0)
		r = dv_refuse(err, -EOPNOTSUPP,
			      "share claude's blocks with ~/" VERSIONS
			      ": the file system cannot (%s); claude.share in devvm.yaml says "
			      "reflink",
			      strerror(errno));
	if (r == 0 && fchmod(fd, 0755) < 0)
		r = dv_fail(err, -errno, "change the mode of claude");
	if (r == 0 && fsync(fd) < 0)
		r = dv_fail(err, -errno, "sync claude");
	if (r == 0 && renameat2(versions_fd, temporary, versions_fd, version, RENAME_NOREPLACE) < 0)
		r = dv_fail(err, -errno, "rename to ~/" VERSIONS "/%s", version);
	if (r < 0)
		(void)unlinkat(versions_fd, temporary, 0); /* the failure is the one to tell */
	return r;
}

static int put_link(const char *program, int versions_fd, const char *version, struct dv_error *err)
{
	char target[CLAUDE_PATH_BYTES + 1];

	(void)snprintf(target, sizeof(target), "/%s", program);
	return file_link(versions_fd, target, version, false, err);
}

static int share(const struct config *config, int cache_fd, int versions_fd, struct dv_error *err)
{
	const char *version = config->claude_version;
	char program[CLAUDE_PATH_BYTES];
	struct dv_error why = { "" };
	int r = -EOPNOTSUPP;

	claude_cache_path(program, version);
	switch ((enum claude_share)config->claude_share) {
	case CLAUDE_REFLINK:
		return put_file(cache_fd, versions_fd, version, false, err);
	case CLAUDE_COPY:
		return put_file(cache_fd, versions_fd, version, true, err);
	case CLAUDE_LINK:
		return put_link(program, versions_fd, version, err);
	case CLAUDE_AUTO:
		r = put_file(cache_fd, versions_fd, version, false, &why);
		if (r == -EOPNOTSUPP)
			return put_link(program, versions_fd, version, err);
		break;
	}
	return r < 0 ? dv_refuse(err, r, "%s", why.text) : 0;
}

static int put_version(const struct config *config, int cache_fd, int versions_fd, bool replaces,
		       struct dv_error *err)
{
	const char *version = config->claude_version;
	struct dv_error why = { "" };
	int r;

	if (replaces && unlinkat(versions_fd, version, 0) < 0 && errno != ENOENT)
		return dv_fail(err, -errno, "remove the link ~/" VERSIONS "/%s", version);
	r = share(config, cache_fd, versions_fd, &why);
	/* The person was faster: theirs, and it is looked at. */
	return r < 0 && r != -EEXIST ? dv_refuse(err, r, "%s", why.text) : 0;
}

static int make_folders(const struct home_work *work, const char *path, struct dv_error *err)
{
	int r = file_make_dirs(work->home_fd, path, 0755, err);

	return r < 0 ? dv_prefix(err, r, "in the home") : 0;
}

/* The version's file in the home, made where it is not there. */
static int make_version(const struct step_context *context, int cache_fd, struct dv_error *err)
{
	const struct home_work *work = context->home;
	char path[CLAUDE_PATH_BYTES];
	enum place place = PLACE_EMPTY;
	DV_AUTO_CLOSE int versions_fd = -1;
	int r;

	(void)snprintf(path, sizeof(path), VERSIONS "/%s", context->config->claude_version);
	r = make_folders(work, VERSIONS, err);
	if (r == 0)
		r = look_at(work, path, &place, err);
	if (r < 0 || place == PLACE_PROGRAM)
		return r;
	if (place == PLACE_TAKEN)
		return refuse_taken(path, err);
	versions_fd = openat(work->home_fd, VERSIONS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (versions_fd < 0)
		return dv_fail(err, -errno, "open ~/" VERSIONS);
	file_sweep(versions_fd, "."); /* one home job at a time */
	r = put_version(context->config, cache_fd, versions_fd, place == PLACE_DANGLING, err);
	if (r == 0)
		r = look_at(work, path, &place, err);
	return r == 0 && place != PLACE_PROGRAM ? refuse_taken(path, err) : r;
}

/* ~/.local/bin/claude, absolute as the installer makes it. */
static int make_bin_link(const struct step_context *context, struct dv_error *err)
{
	const struct home_work *work = context->home;
	DV_AUTO_FREE char *target = NULL;
	enum place place = PLACE_EMPTY;
	struct dv_error why = { "" };
	int r = make_folders(work, BIN, err);

	if (r == 0)
		r = look_at(work, BIN_CLAUDE, &place, err);
	if (r < 0 || place == PLACE_PROGRAM)
		return r;
	if (place == PLACE_TAKEN)
		return refuse_taken(BIN_CLAUDE, err);
	if (asprintf(&target, "%s/" VERSIONS "/%s", work->home, context->config->claude_version) <
	    0)
		return dv_fail(err, -ENOMEM, "link ~/" BIN_CLAUDE);
	r = file_link(work->home_fd, target, BIN_CLAUDE, place == PLACE_DANGLING, &why);
	/* The person was faster: theirs, and the check after us looks at it. */
	return r < 0 && r != -EEXIST ? dv_refuse(err, r, "%s", why.text) : 0;
}

static int install_from_cache(const struct step_context *context, struct dv_error *err)
{
	const char *version = context->config->claude_version;
	char program[CLAUDE_PATH_BYTES];
	DV_AUTO_CLOSE int cache_fd = -1;
	int r;

	claude_cache_path(program, version);
	cache_fd = openat(context->env->root_dirfd, program, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (cache_fd < 0 && errno == ENOENT)
		return dv_refuse(err, -ENOENT,
				 "the machine's copy of claude %s is not there yet; it is fetched "
				 "by devvm-machine",
				 version);
	if (cache_fd < 0)
		return dv_fail(err, -errno, "open the machine's copy /%s", program);
	r = make_version(context, cache_fd, err);
	if (r == 0)
		r = make_bin_link(context, err);
	return r;
}

int claude_apply(struct step_context *context, struct dv_error *err)
{
	enum place place = PLACE_EMPTY;
	int r;

	if (context->config->claude_source == CLAUDE_CACHE)
		return install_from_cache(context, err);
	r = claude_installer_run(context, err);
	if (r == 0)
		r = look_at(context->home, BIN_CLAUDE, &place, err);
	if (r == 0 && place != PLACE_PROGRAM)
		r = dv_refuse(err, -ENOENT,
			      "the installer ended well, but there is no program at ~/" BIN_CLAUDE);
	return r;
}
