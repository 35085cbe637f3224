/* file.c - see file.h. */
#include "base/file.h"

#include <dirent.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/syscall.h>

#define TEMPORARY_TRIES 8

/* One byte more than it had: a file that grew meanwhile shows itself. Who has all of it does
 * not ask for its end once more. */
static int read_all(int fd, char *data, size_t n_expected)
{
	size_t done = 0;

	for (;;) {
		ssize_t n = read(fd, data + done, n_expected + 1 - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
		if (n == 0 || done >= n_expected)
			return (int)done;
	}
}

static int write_all(int fd, const char *data, size_t n_bytes)
{
	while (n_bytes > 0) {
		ssize_t n = write(fd, data, n_bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		n_bytes -= (size_t)n;
	}
	return 0;
}

int file_read_fd(int fd, const char *path, size_t max_bytes, char **ret_data, size_t *ret_n_bytes,
		 struct stat *ret_stat, struct dv_error *err)
{
	DV_AUTO_FREE char *data = NULL;
	struct stat st;
	int n;

	if (fstat(fd, &st) < 0)
		return dv_fail(err, -errno, "stat %s", path);
	if (!S_ISREG(st.st_mode))
		return dv_refuse(err, -EINVAL, "%s is not a regular file", path);
	if (st.st_size < 0 || (size_t)st.st_size > max_bytes)
		return dv_refuse(err, -EFBIG, "%s is %lld bytes; at most %zu are read", path,
				 (long long)st.st_size, max_bytes);
	data = malloc((size_t)st.st_size + 2);
	if (!data)
		return dv_fail(err, -ENOMEM, "read %s", path);
	n = read_all(fd, data, (size_t)st.st_size);
	if (n < 0 || n > st.st_size) {
		/* It may be a secret, and nobody is left to wipe it. */
		explicit_bzero(data, (size_t)st.st_size + 2);
		return n < 0 ? dv_fail(err, n, "read %s", path)
			     : dv_refuse(err, -EAGAIN, "%s changed while it was read", path);
	}
	data[n] = '\0';
	*ret_data = DV_TAKE_PTR(data);
	*ret_n_bytes = (size_t)n;
	if (ret_stat)
		*ret_stat = st;
	return 0;
}

int file_read(int dirfd, const char *path, size_t max_bytes, char **ret_data, size_t *ret_n_bytes,
	      struct stat *ret_stat, struct dv_error *err)
{
	DV_AUTO_CLOSE int fd = openat(dirfd, path, FILE_READ_FLAGS);

	if (fd < 0)
		return dv_fail(err, -errno, "open %s", path);
	return file_read_fd(fd, path, max_bytes, ret_data, ret_n_bytes, ret_stat, err);
}

int file_read_kernel(int dirfd, const char *path, size_t max_bytes, char **ret_data,
		     size_t *ret_n_bytes, struct dv_error *err)
{
	DV_AUTO_CLOSE int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW);
	DV_AUTO_FREE char *data = NULL;
	size_t n_room = 0, n_bytes = 0;
	ssize_t n;

	if (fd < 0)
		return dv_fail(err, -errno, "open %s", path);
	do {
		if (n_bytes == n_room) {
			char *grown = realloc(data, 2 * n_room + 4096 + 1);

			if (!grown)
				return dv_fail(err, -ENOMEM, "read %s", path);
			data = grown;
			n_room = 2 * n_room + 4096;
		}
		n = read(fd, data + n_bytes, n_room - n_bytes);
		if (n < 0 && errno != EINTR)
			return dv_fail(err, -errno, "read %s", path);
		n_bytes += n > 0 ? (size_t)n : 0;
		if (n_bytes > max_bytes)
			return dv_refuse(err, -EFBIG, "%s is more than %zu bytes", path, max_bytes);
	} while (n != 0);
	data[n_bytes] = '\0';
	*ret_data = DV_TAKE_PTR(data);
	*ret_n_bytes = n_bytes;
	return 0;
}

int file_matches(int dirfd, const char *path, const struct file_spec *spec, bool *ret_matches,
		 struct dv_error *err)
{
	DV_AUTO_FREE char *data = NULL;
	size_t n_bytes = 0;
	struct stat st;
	struct dv_error trouble = { 0 }; /* told only where it is not an answer */
	int r = file_read(dirfd, path, spec->n_bytes, &data, &n_bytes, &st, &trouble);

	if (r == -ENOENT || r == -EFBIG || r == -EINVAL || r == -ELOOP) {
		*ret_matches = false;
		return 0;
	}
	if (r < 0)
		return dv_refuse(err, r, "%s", trouble.text);
	*ret_matches = n_bytes == spec->n_bytes && memcmp(data, spec->data, n_bytes) == 0 &&
		       (st.st_mode & 07777) == spec->mode &&
		       (spec->uid == (uid_t)-1 || st.st_uid == spec->uid) &&
		       (spec->gid == (gid_t)-1 || st.st_gid == spec->gid);
	return 0;
}

/* The folder part of `path`, opened; the last component is left in *ret_name. */
static int open_parent(int dirfd, const char *path, const char **ret_name, struct dv_error *err)
{
	const char *slash = strrchr(path, '/');
	DV_AUTO_FREE char *folder = NULL;
	int fd;

	folder = slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
	if (!folder)
		return dv_fail(err, -ENOMEM, "open the folder of %s", path);
	fd = openat(dirfd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return dv_fail(err, -errno, "open %s", folder);
	*ret_name = slash ? slash + 1 : path;
	return fd;
}

static int make_temporary_name(char ret_name[static FILE_TEMPORARY_BYTES], struct dv_error *err)
{
	unsigned long long tag = 0;

	if (getrandom(&tag, sizeof(tag), 0) != (ssize_t)sizeof(tag))
		return dv_fail(err, -errno, "getrandom");
	(void)snprintf(ret_name, FILE_TEMPORARY_BYTES, FILE_TEMPORARY_PREFIX "%016llx",
		       tag); /* fits: 7 + 16 */
	return 0;
}

/* Whose lock this is lives: a sweep leaves the file. False: a sweep came in between the file and its lock. Where locks
 * are not to be had nothing is held against the file. */
static bool is_claimed(int fd)
{
	struct stat st;

	while (flock(fd, LOCK_EX) < 0 && errno == EINTR)
		;
	return fstat(fd, &st) < 0 || st.st_nlink > 0;
}

int file_create_temporary(int folder_fd, const char *for_name,
			  char ret_name[static FILE_TEMPORARY_BYTES], struct dv_error *err)
{
	for (int try = 0; try < TEMPORARY_TRIES; try++) {
		int fd = make_temporary_name(ret_name, err);

		if (fd < 0)
			return fd;
		fd = openat(folder_fd, ret_name,
			    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd >= 0 && is_claimed(fd))
			return fd;
		if (fd < 0 && errno != EEXIST)
			return dv_fail(err, -errno, "create a temporary file for %s", for_name);
		dv_closep(&fd);
	}
	return dv_fail(err, -EEXIST, "create a temporary file for %s", for_name);
}

void file_sweep_beside(int dirfd, const char *path)
{
	DV_AUTO_FREE char *folder = strdup(path);

	if (!folder || !strrchr(folder, '/'))
		return;
	*strrchr(folder, '/') = '\0';
	file_sweep(dirfd, folder);
}

/* Remove a temporary that nobody holds. A link cannot be held: file_link makes it again. */
static void sweep_one(int folder_fd, const char *name)
{
	DV_AUTO_CLOSE int fd = -1;
	struct stat st;

	if (fstatat(folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_uid != geteuid())
		return;
	if (S_ISREG(st.st_mode))
		fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return;
	(void)unlinkat(folder_fd, name, 0); /* the next sweep tries again */
}

void file_sweep(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!dir) {
		dv_closep(&fd);
		return;
	}
	while ((entry = readdir(dir))) {
		if (strncmp(entry->d_name, FILE_TEMPORARY_PREFIX, strlen(FILE_TEMPORARY_PREFIX)) ==
		    0)
			sweep_one(fd, entry->d_name);
	}
	(void)closedir(dir);
}

static int fill_temporary(int fd, const char *path, const struct file_spec *spec,
			  struct dv_error *err)
{
	static const struct timespec epoch[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = 0 } };
	int r = write_all(fd, spec->data, spec->n_bytes);

	if (r < 0)
		return dv_fail(err, r, "write %s", path);
	/* Not even asked for where nothing would change: a sandbox may forbid the call. */
	if ((spec->uid != (uid_t)-1 || spec->gid != (gid_t)-1) &&
	    fchown(fd, spec->uid, spec->gid) < 0)
		return dv_fail(err, -errno, "change the owner of %s", path);
	if (fchmod(fd, spec->mode) < 0)
		return dv_fail(err, -errno, "change the mode of %s", path);
	if (spec->untouched && futimens(fd, epoch) < 0)
		return dv_fail(err, -errno, "set the time of %s", path);
	if (fsync(fd) < 0)
		return dv_fail(err, -errno, "sync %s", path);
	return 0;
}

/* Rename the temporary, with its words, or take it away. */
static int put_in_place(int folder_fd, const char *temporary, const char *name, bool replaces,
			const char *path, struct dv_error *err)
{
	/* RENAME_NOREPLACE is not to be had on every file system (NFS); linkat(2), which never
	 * replaces, is. */
	int r = replaces ? renameat(folder_fd, temporary, folder_fd, name)
			 : renameat2(folder_fd, temporary, folder_fd, name, RENAME_NOREPLACE);

	if (r < 0 && errno == EINVAL && !replaces) {
		r = linkat(folder_fd, temporary, folder_fd, name, 0);
		if (r == 0)
			(void)unlinkat(folder_fd, temporary, 0); /* a second name, swept later */
	}
	return r < 0 ? dv_fail(err, -errno, "rename to %s", path) : 0;
}

static int put_file(int dirfd, const char *path, const struct file_spec *spec, bool replaces,
		    struct dv_error *err)
{
	const char *name = NULL;
	char temporary[FILE_TEMPORARY_BYTES];
	DV_AUTO_CLOSE int folder_fd = open_parent(dirfd, path, &name, err);
	DV_AUTO_CLOSE int fd = -1;
	int r;

	if (folder_fd < 0)
		return folder_fd;
	fd = file_create_temporary(folder_fd, path, temporary, err);
	if (fd < 0)
		return fd;
	r = fill_temporary(fd, path, spec, err);
	if (r == 0)
		r = put_in_place(folder_fd, temporary, name, replaces, path, err);
	if (r < 0) {
		(void)unlinkat(folder_fd, temporary, 0); /* the failure above is the one to tell */
		return r;
	}
	if (fsync(folder_fd) < 0)
		return dv_fail(err, -errno, "sync the folder of %s", path);
	return 0;
}

int file_replace(int dirfd, const char *path, const struct file_spec *spec, struct dv_error *err)
{
	return put_file(dirfd, path, spec, true, err);
}

int file_create(int dirfd, const char *path, const struct file_spec *spec, struct dv_error *err)
{
	return put_file(dirfd, path, spec, false, err);
}

/* -ENOENT: the temporary was swept, or the folder is gone. */
static int put_link(int folder_fd, const char *target, const char *name, bool replaces,
		    const char *path, struct dv_error *err)
{
	char temporary[FILE_TEMPORARY_BYTES];
	int r = make_temporary_name(temporary, err);

	if (r < 0)
		return r;
	if (symlinkat(target, folder_fd, temporary) < 0)
		return dv_fail(err, -errno, "create a temporary link for %s", path);
	r = put_in_place(folder_fd, temporary, name, replaces, path, err);
	if (r < 0)
		(void)unlinkat(folder_fd, temporary, 0); /* the failure above is the one to tell */
	return r;
}

int file_link(int dirfd, const char *target, const char *path, bool replaces, struct dv_error *err)
{
	const char *name = NULL;
	DV_AUTO_CLOSE int folder_fd = open_parent(dirfd, path, &name, err);
	int r = folder_fd < 0 ? folder_fd : -ENOENT;

	for (int try = 0; try < TEMPORARY_TRIES && r == -ENOENT && folder_fd >= 0; try++)
		r = put_link(folder_fd, target, name, replaces, path, err);
	return r;
}

int file_remove(int dirfd, const char *path, struct dv_error *err)
{
	if (unlinkat(dirfd, path, 0) < 0 && errno != ENOENT)
		return dv_fail(err, -errno, "remove %s", path);
	return 0;
}

static int make_folder(int dirfd, const char *path, mode_t mode, struct dv_error *err)
{
	struct stat st;

	/* With its mode from the start: who is killed before the fchmodat leaves none too open. */
	if (mkdirat(dirfd, path, mode) == 0) {
		if (fchmodat(dirfd, path, mode, 0) < 0)
			return dv_fail(err, -errno, "change the mode of %s", path);
		return 0;
	}
	if (errno != EEXIST || fstatat(dirfd, path, &st, 0) < 0)
		return dv_fail(err, -errno, "create %s", path);
	return S_ISDIR(st.st_mode) ? 0 : dv_fail(err, -ENOTDIR, "create %s", path);
}

int file_make_dirs(int dirfd, const char *path, mode_t mode, struct dv_error *err)
{
	DV_AUTO_FREE char *copy = strdup(path);
	char *end;

	if (!copy)
		return dv_fail(err, -ENOMEM, "create %s", path);
	end = copy + strlen(copy);
	while (end > copy && end[-1] == '/')
		*--end = '\0';
	for (char *slash = copy; *slash; slash++) {
		int r;

		slash = strchrnul(slash, '/');
		if (slash == copy) /* of an absolute path */
			continue;
		*slash = '\0';
		r = make_folder(dirfd, copy, slash == end ? mode : 0755, err);
		if (r < 0 || slash == end)
			return r;
		*slash = '/';
	}
	return 0;
}

/* The same without openat2(2), which a unit with RestrictSUIDSGID= is not given (its flags
 * lie in memory, where seccomp cannot see them): folder by folder, none of them a link. */
static int open_stepwise(int dirfd, const char *path, int flags, mode_t mode)
{
	DV_AUTO_FREE char *copy = strdup(path);
	DV_AUTO_CLOSE int folder_fd = openat(dirfd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char *rest = copy;
	char *part;
	int fd;

	if (!copy)
		return -ENOMEM;
	if (folder_fd < 0)
		return -errno;
	if (*path == '/')
		return -EXDEV;
	for (part = strsep(&rest, "/"); rest; part = strsep(&rest, "/")) {
		if (strcmp(part, "..") == 0)
			return -EXDEV;
		fd = openat(folder_fd, *part ? part : ".",
			    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		(void)close(folder_fd); /* nothing is written through O_PATH */
		folder_fd = fd;
	}
	if (strcmp(part, "..") == 0)
		return -EXDEV;
	fd = openat(folder_fd, *part ? part : ".", flags | O_NOFOLLOW, mode);
	return fd < 0 ? -errno : fd;
}

int file_open_beneath(int dirfd, const char *path, int flags, mode_t mode, struct dv_error *err)
{
	/* openat2(2) refuses with O_PATH what is about reading. */
	int more = flags & O_PATH ? O_CLOEXEC : O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	struct open_how how = {
		.flags = (unsigned int)(flags | more),
		.mode = mode,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));

	if (fd < 0)
		fd = errno == ENOSYS ? open_stepwise(dirfd, path, (int)how.flags, mode) : -errno;
	if (fd < 0)
		return dv_fail(err, (int)fd, "open %s", path);
	return (int)fd;
}
