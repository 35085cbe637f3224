/* cgroup.c - see cgroup.h. */
#include "units/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"

#define PATH_BYTES 256
#define PROCS_MAX_BYTES (1024 * 1024)
#define MAX_DEPTH 8 /* of cgroups that a person's programs make below their unit's */
#define PID_MAX (1 << 22)

static const char *const HIERARCHIES[] = { "sys/fs/cgroup", "sys/fs/cgroup/systemd",
					   "sys/fs/cgroup/unified" };

/* The prefix of a template in a slice's name, where '-' would be another level. */
static void escape_prefix(const char *unit, char *end, size_t n_room)
{
	for (; *unit && *unit != '@' && n_room > 5; unit++) {
		int n = *unit == '-' ? snprintf(end, n_room, "\\x2d")
				     : snprintf(end, n_room, "%c", *unit);

		end += n;
		n_room -= (size_t)n;
	}
	*end = '\0';
}

int cgroup_open_path(const struct env *env, const char *path, struct dv_error *err)
{
	char whole[PATH_MAX];
	int fd;

	for (size_t i = 0; i < DV_COUNT(HIERARCHIES); i++) {
		if (snprintf(whole, sizeof(whole), "%s%s", HIERARCHIES[i], path) >= PATH_MAX)
			return dv_refuse(err, -ENAMETOOLONG, "a cgroup's name is too long");
		fd = openat(env->root_dirfd, whole, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			return fd;
		if (errno != ENOENT && errno != ENOTDIR)
			return dv_fail(err, -errno, "open /%.200s", whole);
	}
	return dv_refuse(err, -ENOENT, "there is no cgroup %.200s", path);
}

int cgroup_open(const struct env *env, const char *unit, struct dv_error *err)
{
	char prefix[64], path[PATH_BYTES];
	int fd;

	escape_prefix(unit, prefix, sizeof(prefix));
	if (snprintf(path, sizeof(path), "/system.slice/system-%s.slice/%s", prefix, unit) >=
	    PATH_BYTES)
		return dv_refuse(err, -ENAMETOOLONG, "%s: its name is too long", unit);
	fd = cgroup_open_path(env, path, err);
	return fd == -ENOENT ? dv_refuse(err, -ENOENT, "%s does not run", unit) : fd;
}

static int add_pids(char *text, pid_t **pids, size_t *n_pids)
{
	char *rest = text, *line;

	while ((line = strsep(&rest, "\n"))) {
		uint64_t pid = 0;
		pid_t *grown;

		if (!*line)
			continue;
		if (str_to_uint(line, PID_MAX, &pid) < 0)
			return -EINVAL;
		grown = reallocarray(*pids, *n_pids + 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		grown[(*n_pids)++] = (pid_t)pid;
		*pids = grown;
	}
	return 0;
}

static void close_folder(DIR **folder)
{
	if (*folder)
		(void)closedir(*folder); /* it was only read */
}

static int read_below(int fd, int depth, pid_t **pids, size_t *n_pids, struct dv_error *err);

/* Takes the fd. */
static int read_children(int own_fd, int depth, pid_t **pids, size_t *n_pids, struct dv_error *err)
{
	DV_AUTO_CLOSE int fd = own_fd;
	DV_CLEANUP(close_folder) DIR *folder = fdopendir(fd);
	const struct dirent *entry;
	int r = 0;

	if (!folder)
		return dv_fail(err, -errno, "read a cgroup");
	(void)DV_TAKE_FD(fd); /* the stream's */
	while (r == 0 && (entry = readdir(folder))) {
		DV_AUTO_CLOSE int child_fd = -1;

		if (entry->d_type != DT_DIR || *entry->d_name == '.')
			continue;
		child_fd = openat(dirfd(folder), entry->d_name,
				  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (child_fd < 0 && errno == ENOENT)
			continue; /* it has ended */
		r = child_fd < 0 ? dv_fail(err, -errno, "open a cgroup")
				 : read_below(child_fd, depth + 1, pids, n_pids, err);
	}
	return r;
}

static int read_below(int fd, int depth, pid_t **pids, size_t *n_pids, struct dv_error *err)
{
	DV_AUTO_FREE char *text = NULL;
	size_t n_bytes = 0;
	int own_fd, r;

	if (depth > MAX_DEPTH)
		return dv_refuse(err, -ELOOP, "a cgroup is more than %d deep", MAX_DEPTH);
	r = file_read_kernel(fd, "cgroup.procs", PROCS_MAX_BYTES, &text, &n_bytes, err);
	if (r == 0 && add_pids(text, pids, n_pids) < 0)
		r = dv_fail(err, -ENOMEM, "read cgroup.procs");
	if (r < 0)
		return r;
	own_fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return own_fd < 0 ? dv_fail(err, -errno, "open a cgroup")
			  : read_children(own_fd, depth, pids, n_pids, err);
}

int cgroup_list(int cgroup_fd, pid_t **ret_pids, size_t *ret_n_pids, struct dv_error *err)
{
	DV_AUTO_FREE pid_t *pids = NULL;
	size_t n_pids = 0;
	int r = read_below(cgroup_fd, 0, &pids, &n_pids, err);

	if (r < 0)
		return r;
	*ret_pids = DV_TAKE_PTR(pids);
	*ret_n_pids = n_pids;
	return 0;
}
