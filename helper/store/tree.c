/* tree.c - see tree.h. */
#include "store/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#define CHUNK_BYTES (1 << 20)

struct copy {
	char path[PATH_MAX]; /* below the source, for messages; "" at its top */
	unsigned int depth;
	unsigned int n_entries;
	uint64_t n_bytes;
	struct dv_error *err;
};

static void close_dirp(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir); /* only read from */
}

/* A DIR of its own: `fd` stays the caller's. */
static DIR *open_dir(int fd)
{
	int own_fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = own_fd < 0 ? NULL : fdopendir(own_fd);

	if (!dir)
		dv_closep(&own_fd);
	return dir;
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* The kernel copies (and shares blocks where the file system can); what it cannot between
 * these two file systems is read and written. */
static int copy_bytes(int from_fd, int to_fd, uint64_t n_left, uint64_t *ret_n_bytes)
{
	DV_AUTO_FREE char *chunk = NULL;
	bool by_kernel = true;
	uint64_t n_done = 0;

	while (n_done <= n_left) { /* one byte more than there may be shows itself */
		ssize_t n;

		if (by_kernel) {
			n = copy_file_range(from_fd, NULL, to_fd, NULL, CHUNK_BYTES, 0);
			if (n < 0 && n_done == 0 && errno != EINTR && errno != ENOSPC) {
				by_kernel = false;
				chunk = malloc(CHUNK_BYTES);
				if (!chunk)
					return -ENOMEM;
				continue;
			}
		} else {
			n = read(from_fd, chunk, CHUNK_BYTES);
			for (ssize_t at = 0, w = 0; at < n; at += w) {
				w = write(to_fd, chunk + at, (size_t)(n - at));
				if (w < 0)
					return -errno;
			}
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		n_done += (uint64_t)n;
	}
	*ret_n_bytes = n_done;
	return 0;
}

static int copy_file(struct copy *copy, int from_dirfd, int to_dirfd, const char *name)
{
	DV_AUTO_CLOSE int from_fd =
		openat(from_dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	DV_AUTO_CLOSE int to_fd = -1;
	uint64_t n_bytes = 0;
	struct stat st;
	int r;

	if (from_fd < 0)
		return dv_fail(copy->err, -errno, "open %s", copy->path);
	if (fstat(from_fd, &st) < 0)
		return dv_fail(copy->err, -errno, "stat %s", copy->path);
	if (!S_ISREG(st.st_mode))
		return dv_refuse(copy->err, -EINVAL, "%s changed while it was copied", copy->path);
	if (st.st_mode & (S_ISUID | S_ISGID))
		return dv_refuse(copy->err, -EINVAL, "%s is a set-id file", copy->path);
	to_fd = openat(to_dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to_fd < 0)
		return dv_fail(copy->err, -errno, "create %s", copy->path);
	r = copy_bytes(from_fd, to_fd, TREE_MAX_BYTES - copy->n_bytes, &n_bytes);
	if (r < 0)
		return dv_fail(copy->err, r, "copy %s", copy->path);
	copy->n_bytes += n_bytes;
	if (copy->n_bytes > TREE_MAX_BYTES)
		return dv_refuse(copy->err, -EFBIG, "it is larger than %llu bytes",
				 (unsigned long long)TREE_MAX_BYTES);
	if (fchmod(to_fd, st.st_mode & 0111 ? 0555 : 0444) < 0)
		return dv_fail(copy->err, -errno, "change the mode of %s", copy->path);
	return 0;
}

/* Up as far as the top at most, and then never up again: behind the leading ".." each part
 * may be a link, and what ".." means there is that link's business. */
static bool link_stays_inside(const char *target, unsigned int depth)
{
	unsigned int n_up = 0;
	const char *at = target;

	if (*at == '/' || !*at)
		return false;
	while (strncmp(at, "../", 3) == 0 || strcmp(at, "..") == 0) {
		n_up++;
		at += at[2] ? 3 : 2;
	}
	if (n_up > depth)
		return false;
	for (; *at; at += *at == '/') {
		size_t n = strcspn(at, "/");

		if (n == 2 && at[0] == '.' && at[1] == '.')
			return false;
		at += n;
	}
	return true;
}

static int copy_link(const struct copy *copy, int from_dirfd, int to_dirfd, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from_dirfd, name, target, sizeof(target) - 1);

	if (n < 0)
		return dv_fail(copy->err, -errno, "read the link %s", copy->path);
	target[n] = '\0';
	if (!link_stays_inside(target, copy->depth))
		return dv_refuse(copy->err, -EINVAL, "%s is a link that leads out", copy->path);
	if (symlinkat(target, to_dirfd, name) < 0)
		return dv_fail(copy->err, -errno, "create the link %s", copy->path);
	return 0;
}

static int copy_folder(struct copy *copy, int from_fd, int to_fd);

static int copy_subfolder(struct copy *copy, int from_dirfd, int to_dirfd, const char *name)
{
	DV_AUTO_CLOSE int from_fd =
		openat(from_dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DV_AUTO_CLOSE int to_fd = -1;
	int r;

	if (from_fd < 0)
		return dv_fail(copy->err, -errno, "open %s", copy->path);
	if (copy->depth == TREE_MAX_DEPTH)
		return dv_refuse(copy->err, -ELOOP, "%s lies more than %d folders deep", copy->path,
				 TREE_MAX_DEPTH);
	if (mkdirat(to_dirfd, name, 0700) < 0)
		return dv_fail(copy->err, -errno, "create %s", copy->path);
	to_fd = openat(to_dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (to_fd < 0)
		return dv_fail(copy->err, -errno, "open %s", copy->path);
	copy->depth++;
	r = copy_folder(copy, from_fd, to_fd);
	copy->depth--;
	if (r == 0 && fchmod(to_fd, 0555) < 0)
		r = dv_fail(copy->err, -errno, "change the mode of %s", copy->path);
	return r;
}

static int copy_entry(struct copy *copy, int from_fd, int to_fd, const char *name)
{
	struct stat st;

	if (++copy->n_entries > TREE_MAX_ENTRIES)
		return dv_refuse(copy->err, -EFBIG, "it has more than %d files", TREE_MAX_ENTRIES);
	if (fstatat(from_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return dv_fail(copy->err, -errno, "stat %s", copy->path);
	if (S_ISREG(st.st_mode))
		return copy_file(copy, from_fd, to_fd, name);
	if (S_ISDIR(st.st_mode))
		return copy_subfolder(copy, from_fd, to_fd, name);
	if (S_ISLNK(st.st_mode))
		return copy_link(copy, from_fd, to_fd, name);
	return dv_refuse(copy->err, -EINVAL, "%s is no file, folder or link", copy->path);
}

static int copy_folder(struct copy *copy, int from_fd, int to_fd)
{
	DV_CLEANUP(close_dirp) DIR *dir = open_dir(from_fd);
	size_t n_path = strlen(copy->path);
	const struct dirent *entry;
	int r = 0;

	if (!dir)
		return dv_fail(copy->err, -errno, "read the folder %s", copy->path);
	while (r == 0 && (errno = 0, entry = readdir(dir))) {
		if (is_dots(entry->d_name))
			continue;
		if ((size_t)snprintf(copy->path + n_path, sizeof(copy->path) - n_path, "%s%s",
				     n_path ? "/" : "",
				     entry->d_name) >= sizeof(copy->path) - n_path)
			return dv_refuse(copy->err, -ENAMETOOLONG, "%.200s… is too long a path",
					 copy->path);
		r = copy_entry(copy, from_fd, to_fd, entry->d_name);
	}
	if (r == 0 && errno != 0)
		r = dv_fail(copy->err, -errno, "read the folder %s", copy->path);
	copy->path[n_path] = '\0';
	return r;
}

int tree_copy(int from_fd, int to_fd, struct dv_error *err)
{
	struct copy copy = { .err = err };

	return copy_folder(&copy, from_fd, to_fd);
}

static int remove_below(int fd, unsigned int depth, struct dv_error *err);

static int remove_one(int dirfd, const char *name, unsigned int depth, struct dv_error *err)
{
	DV_AUTO_CLOSE int fd = -1;
	int r;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM) /* unlink(2): a folder is either of them */
		return dv_fail(err, -errno, "remove %s", name);
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return dv_fail(err, -errno, "remove %s", name);
	if (depth > 2 * TREE_MAX_DEPTH)
		return dv_refuse(err, -ELOOP, "%s lies too deep to be removed", name);
	if (fchmod(fd, 0700) < 0)
		return dv_fail(err, -errno, "open %s for removal", name);
	r = remove_below(fd, depth + 1, err);
	if (r == 0 && unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		r = dv_fail(err, -errno, "remove %s", name);
	return r;
}

static int remove_below(int fd, unsigned int depth, struct dv_error *err)
{
	DV_CLEANUP(close_dirp) DIR *dir = open_dir(fd);
	const struct dirent *entry;
	int r = 0;

	if (!dir)
		return dv_fail(err, -errno, "read a folder for removal");
	while (r == 0 && (entry = readdir(dir))) {
		if (!is_dots(entry->d_name))
			r = remove_one(fd, entry->d_name, depth, err);
	}
	return r;
}

int tree_remove(int dirfd, const char *name, struct dv_error *err)
{
	return remove_one(dirfd, name, 0, err);
}
