/* home.c - see home.h. */
#include "base/home.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/file.h"

#define FD_PATH_BYTES 40
#define SHOWN_BYTES 200

/* Where the descriptor is, as the kernel names it now. */
static int name_of(int fd, char ret_name[static PATH_MAX], struct dv_error *err)
{
	char path[FD_PATH_BYTES];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, ret_name, PATH_MAX - 1);
	if (n < 0)
		return dv_fail(err, -errno, "read %s", path);
	ret_name[n] = '\0';
	return 0;
}

static int check_place(int home_fd, int fd, const char *path, struct dv_error *err)
{
	char home[PATH_MAX], place[PATH_MAX];
	size_t n_home;
	struct stat st;
	int r = name_of(home_fd, home, err);

	if (r == 0)
		r = name_of(fd, place, err);
	if (r < 0)
		return r;
	n_home = strlen(home);
	if (strncmp(place, home, n_home) != 0 || place[n_home] != '/')
		return dv_refuse(err, -EXDEV,
				 "~/%s leads out of the home, to %.200s: nothing is put there",
				 path, place);
	if (fstat(fd, &st) < 0)
		return dv_fail(err, -errno, "look at ~/%s", path);
	if (st.st_uid != geteuid())
		return dv_refuse(err, -EPERM,
				 "~/%s belongs to somebody else (uid %u): nothing is put there",
				 path, st.st_uid);
	return 0;
}

/* One step down, into a folder that is made where there is none. */
static int step_into(int folder_fd, const char *name, mode_t mode)
{
	int fd = openat(folder_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && mkdirat(folder_fd, name, mode) == 0)
		fd = openat(folder_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int home_open_folder(int home_fd, const char *path, mode_t mode, struct dv_error *err)
{
	DV_AUTO_FREE char *names = strdup(path);
	DV_AUTO_CLOSE int fd = -1;
	char *rest = names;
	char *name;

	if (!names)
		return dv_fail(err, -ENOMEM, "open ~/%s", path);
	while ((name = strsep(&rest, "/"))) {
		int next = step_into(fd < 0 ? home_fd : fd, name, rest ? 0755 : mode);
		int r;

		if (next < 0)
			return dv_fail(err, next, "open ~/%s (at %s)", path, name);
		dv_closep(&fd);
		fd = next;
		r = check_place(home_fd, fd, path, err);
		if (r < 0)
			return r;
	}
	return DV_TAKE_FD(fd);
}

int home_read(int home_fd, const char *path, size_t max_bytes, char **ret_data, size_t *ret_n_bytes,
	      struct dv_error *err)
{
	DV_AUTO_CLOSE int fd = -1;
	char shown[SHOWN_BYTES];
	struct stat st;

	/* Before the open: to open a device can already do something. */
	if (fstatat(home_fd, path, &st, 0) < 0)
		return dv_fail(err, -errno, "look at ~/%s", path);
	if (!S_ISREG(st.st_mode))
		return dv_refuse(err, -EINVAL, "~/%s is not a regular file", path);
	fd = openat(home_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return dv_fail(err, -errno, "open ~/%s", path);
	(void)snprintf(shown, sizeof(shown), "~/%s", path); /* cut, it still says which */
	return file_read_fd(fd, shown, max_bytes, ret_data, ret_n_bytes, NULL, err);
}
