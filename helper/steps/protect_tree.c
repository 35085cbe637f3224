/* protect_tree.c - see protect_tree.h. */
#include "steps/protect_tree.h"

#include <sys/stat.h>

#include "base/file.h"

#define OTHERS 0007

static int open_top(int root_dirfd, const char *path, uid_t uid, gid_t gid, int *ret_fd,
		    struct stat *ret_stat, struct dv_error *err)
{
	DV_AUTO_CLOSE int fd = file_open_beneath(root_dirfd, path + 1, O_PATH | O_NOFOLLOW, 0, err);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return dv_fail(err, -errno, "look at %s", path);
	if (S_ISLNK(st.st_mode))
		return dv_refuse(err, -ELOOP, "%s is a link: name what it points to", path);
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return dv_refuse(err, -EINVAL, "%s is neither a folder nor a file", path);
	if (st.st_uid != uid || st.st_gid != gid)
		return dv_refuse(
			err, -EPERM,
			"%s is of uid %u and gid %u, and protect says %u and %u: chown it, "
			"or correct devvm.yaml",
			path, st.st_uid, st.st_gid, uid, gid);
	*ret_stat = st;
	*ret_fd = DV_TAKE_FD(fd);
	return 0;
}

int protect_look(int root_dirfd, const char *path, uid_t uid, gid_t gid,
		 enum protect_state *ret_state, mode_t *ret_mode, struct dv_error *err)
{
	DV_AUTO_CLOSE int fd = -1;
	struct stat st = { 0 };
	int r = open_top(root_dirfd, path, uid, gid, &fd, &st, err);

	if (r == -ENOENT) {
		*ret_state = PROTECT_ABSENT;
		return 0;
	}
	if (r < 0)
		return r;
	*ret_state = st.st_mode & OTHERS ? PROTECT_OPEN : PROTECT_CLOSED;
	*ret_mode = st.st_mode & 07777;
	return 0;
}

int protect_close(int root_dirfd, const char *path, uid_t uid, gid_t gid, struct dv_error *err)
{
	DV_AUTO_CLOSE int fd = -1;
	char name[64];
	struct stat st = { 0 };
	int r = open_top(root_dirfd, path, uid, gid, &fd, &st, err);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if ((st.st_mode & OTHERS) == 0)
		return 0;
	/* Of what is open, whatever has that name by now; fchmod(2) takes no O_PATH. */
	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	if (chmod(name, st.st_mode & 07777 & ~(mode_t)OTHERS) < 0)
		return dv_fail(err, -errno, "close %s to others", path);
	return 0;
}
