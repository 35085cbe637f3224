/* mirror_run.c - see mirror_run.h. */
#include "steps/mirror_run.h"

#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/process.h"

#define START_DEADLINE_MS (65 * 60000) /* above the units' own */
#define PATH_BYTES 160
#define UNIT_BYTES 96

static void link_path(char ret_path[static PATH_BYTES], const char *name, const char *what)
{
	(void)snprintf(ret_path, PATH_BYTES, MIRROR_LINKS_FOLDER "/%s.%s", name, what);
}

/* A folder in an open one, made where absent. `ret_is_new` says whether it was. */
static int open_folder(int parent_fd, const char *name, bool *ret_is_new, struct dv_error *err)
{
	int fd;

	*ret_is_new = false;
	if (mkdirat(parent_fd, name, 0755) == 0)
		*ret_is_new = true;
	else if (errno != EEXIST)
		return dv_fail(err, -errno, "create %s", name);
	fd = openat(parent_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOTDIR || errno == ELOOP
			       ? dv_refuse(err, -ENOTDIR, "%s is a link or no folder", name)
			       : dv_fail(err, -errno, "open %s", name);
	return fd;
}

/* Whoever writes to a folder above the destination could put a link there after the check. */
static int check_parent(int fd, const char *name, struct dv_error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return dv_fail(err, -errno, "look at %s", name);
	if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & 0022))
		return dv_refuse(err, -EPERM,
				 "others than root may write to %s above it: name a folder below "
				 "one that is root's alone",
				 name);
	return 0;
}

static int check_owner(int parent_fd, const char *name, int fd, bool is_new, uid_t uid, gid_t gid,
		       struct dv_error *err)
{
	struct stat st;

	/* Nobody else has put another folder there meanwhile: check_parent(). */
	if (is_new && (fchownat(parent_fd, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 ||
		       fchmodat(parent_fd, name, 0755, 0) < 0))
		return dv_fail(err, -errno, "give it to " MIRROR_ACCOUNT);
	if (fstat(fd, &st) < 0)
		return dv_fail(err, -errno, "look at it");
	if (st.st_uid != uid)
		return dv_refuse(err, -EPERM,
				 "it belongs to uid %u: chown -R " MIRROR_ACCOUNT
				 " it, or name a folder that is not there yet",
				 (unsigned int)st.st_uid);
	return 0;
}

/* Folder by folder, none of them a link. */
static int make_destination(const struct env *env, const char *path, uid_t uid, gid_t gid,
			    struct dv_error *err)
{
	DV_AUTO_FREE char *copy = strdup(path + 1);
	DV_AUTO_CLOSE int parent_fd = dup(env->root_dirfd);
	char *name = copy;
	bool is_new = false;

	if (!copy)
		return dv_fail(err, -ENOMEM, "make the destination");
	if (parent_fd < 0)
		return dv_fail(err, -errno, "open /");
	for (;;) {
		char *slash = strchr(name, '/');
		int fd, r;

		if (slash)
			*slash = '\0';
		fd = open_folder(parent_fd, name, &is_new, err);
		if (fd < 0)
			return fd;
		if (!slash) {
			DV_AUTO_CLOSE int last_fd = fd;

			return check_owner(parent_fd, name, last_fd, is_new, uid, gid, err);
		}
		dv_closep(&parent_fd);
		parent_fd = fd;
		r = check_parent(fd, name, err);
		if (r < 0)
			return r;
		name = slash + 1;
	}
}

static int link_credential(const struct env *env, const struct config *config,
			   const struct config_mirror *mirror, struct dv_error *err)
{
	const struct config_secret *secret = config_mirror_secret(config, mirror);
	char path[PATH_BYTES];
	struct stat st;

	link_path(path, mirror->head.name, "credential");
	if (!secret)
		return file_remove(env->root_dirfd, path, err);
	if (fstatat(env->root_dirfd, secret->path + 1, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode))
		return dv_refuse(err, -ENOENT,
				 "its secret %s is not staged at %s; see devvmctl secrets",
				 secret->head.name, secret->path);
	return file_link(env->root_dirfd, secret->path, path, true, err);
}

int mirror_prepare(const struct env *env, const struct config *config,
		   const struct config_mirror *mirror, uid_t uid, gid_t gid, struct dv_error *err)
{
	char path[PATH_BYTES];
	int r = file_make_dirs(env->root_dirfd, MIRROR_LINKS_FOLDER, 0700, err);

	if (r < 0)
		return r;
	r = make_destination(env, mirror->destination, uid, gid, err);
	if (r < 0)
		return dv_prefix(err, r, "the destination %s", mirror->destination);
	r = link_credential(env, config, mirror, err);
	link_path(path, mirror->head.name, "destination");
	return r < 0 ? r : file_link(env->root_dirfd, mirror->destination, path, true, err);
}

void mirror_forget(const struct env *env, const char *name)
{
	static const char *const what[] = { "destination", "credential" };
	struct dv_error err = { "" };
	char path[PATH_BYTES];

	for (size_t i = 0; i < DV_COUNT(what); i++) {
		link_path(path, name, what[i]);
		if (file_remove(env->root_dirfd, path, &err) < 0)
			log_debug("%s", err.text); /* the next run makes it anew */
	}
}

int mirror_start(const struct config_mirror *const *mirrors, size_t n_mirrors, struct dv_error *err)
{
	char units[MIRROR_RUN_MAX][UNIT_BYTES];
	const char *argv[MIRROR_RUN_MAX + 3] = { "systemctl", "start" };
	DV_AUTO_FREE struct process_result *result = malloc(sizeof(*result));
	int r;

	if (!result)
		return dv_fail(err, -ENOMEM, "start the mirrors");
	for (size_t i = 0; i < n_mirrors && i < MIRROR_RUN_MAX; i++) {
		(void)snprintf(units[i], UNIT_BYTES, "devvm-mirror@%s.service",
			       mirrors[i]->head.name);
		argv[i + 2] = units[i];
	}
	/* Exits with 1 when one of them failed; which one, and why, say their results. */
	r = process_run(&(struct process_spec){ .argv = argv,
						.deadline_ms =
							clock_deadline_ms(START_DEADLINE_MS) },
			result, err);
	if (r == 0 && result->timed_out)
		r = dv_refuse(err, -ETIMEDOUT, "the units of mirrors do not end");
	return r;
}

int mirror_hear(const struct env *env, const char *name, int64_t since_usec,
		struct mirror_result *ret_result, struct dv_error *err)
{
	struct mirror_result result = { 0 };
	struct dv_error why = { "" };
	int r = mirror_result_read(env, name, &result, &why);

	if (r == 0 && result.ended_usec >= since_usec) {
		*ret_result = result;
		return 0;
	}
	if (r < 0 && r != -ENOENT)
		return dv_refuse(err, -ESRCH, "%s", why.text);
	return dv_refuse(err, -ESRCH,
			 "devvm-mirror@%s.service ended without a result, killed or not started: "
			 "journalctl -u devvm-mirror@%s says more",
			 name, name);
}
