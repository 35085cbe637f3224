/* tree_digest.c - the digest of tree.h. */
#include "store/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

#define LINE_BYTES (2 * PATH_MAX + 128)

struct walk {
	struct digest *digest;
	char path[PATH_MAX]; /* below the top; "" at it */
	unsigned int depth;
	struct dv_error *err;
};

/* A NUL ends each line: no name holds one. */
static int add_line(struct walk *walk, char kind, const struct stat *st, const char *what)
{
	char line[LINE_BYTES];
	int n = snprintf(line, sizeof(line), "%c %04o %s %s", kind,
			 kind == 'l' ? 0 : (unsigned int)(st->st_mode & 07777), walk->path, what);

	return digest_add(walk->digest, line, (size_t)n + 1, walk->err);
}

static int add_file(struct walk *walk, int dirfd, const char *name)
{
	DV_AUTO_CLOSE int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char hex[DIGEST_HEX_BYTES];
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return dv_fail(walk->err, -errno, "open %s", walk->path);
	if (!S_ISREG(st.st_mode))
		return dv_refuse(walk->err, -EINVAL, "%s changed meanwhile", walk->path);
	r = digest_sha256_fd(fd, hex, walk->err);
	return r < 0 ? r : add_line(walk, 'f', &st, hex);
}

static int add_link(struct walk *walk, int dirfd, const char *name, const struct stat *st)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dirfd, name, target, sizeof(target) - 1);

	if (n < 0)
		return dv_fail(walk->err, -errno, "read the link %s", walk->path);
	target[n] = '\0';
	return add_line(walk, 'l', st, target);
}

static int add_folder(struct walk *walk, int fd);

static int add_entry(struct walk *walk, int dirfd, const char *name)
{
	DV_AUTO_CLOSE int fd = -1;
	struct stat st;
	int r;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return dv_fail(walk->err, -errno, "look at %s", walk->path);
	if (S_ISREG(st.st_mode))
		return add_file(walk, dirfd, name);
	if (S_ISLNK(st.st_mode))
		return add_link(walk, dirfd, name, &st);
	if (!S_ISDIR(st.st_mode))
		return dv_refuse(walk->err, -EINVAL, "%s is neither file, folder nor link",
				 walk->path);
	if (walk->depth == TREE_MAX_DEPTH)
		return dv_refuse(walk->err, -ELOOP, "%s lies too deep", walk->path);
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return dv_fail(walk->err, -errno, "open %s", walk->path);
	r = add_line(walk, 'd', &st, "");
	walk->depth++;
	if (r == 0)
		r = add_folder(walk, fd);
	walk->depth--;
	return r;
}

static int is_entry(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* In the order of bytes, whatever the locale says. */
static int compare(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_folder(struct walk *walk, int fd)
{
	struct dirent **entries = NULL;
	size_t n_path = strlen(walk->path);
	int n = scandirat(fd, ".", &entries, is_entry, compare);
	int r = n < 0 ? dv_fail(walk->err, -errno, "read the folder %s", walk->path) : 0;

	for (int i = 0; i < n; i++) {
		DV_AUTO_FREE struct dirent *entry = entries[i];

		if (r < 0)
			continue;
		if ((size_t)snprintf(walk->path + n_path, sizeof(walk->path) - n_path, "%s%s",
				     n_path ? "/" : "",
				     entry->d_name) >= sizeof(walk->path) - n_path)
			r = dv_refuse(walk->err, -ENAMETOOLONG, "%.200s is too long a path",
				      walk->path);
		else
			r = add_entry(walk, fd, entry->d_name);
		walk->path[n_path] = '\0';
	}
	free(entries);
	return r;
}

int tree_digest(int fd, char ret_hex[static DIGEST_HEX_BYTES], struct dv_error *err)
{
	DV_AUTO_DIGEST struct digest *digest = NULL;
	struct walk walk = { .err = err };
	int r = digest_new(&digest, err);

	if (r < 0)
		return r;
	walk.digest = digest;
	r = add_folder(&walk, fd);
	return r < 0 ? r : digest_end(digest, ret_hex, err);
}
