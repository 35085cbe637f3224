/* legacy_use.c - see legacy_use.h; proc(5), proc_net_tcp(5), cgroups(7). */
#include "steps/legacy_use.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#include "base/proc.h"
#include "base/str.h"
#include "units/cgroup.h"

#define MAX_PROCESSES 4096
#define MAX_SOCKETS 4096
#define SOCKET "socket:["

struct sockets {
	uint64_t inodes[MAX_SOCKETS];
	size_t n;
};

/* As far as a name of 15 bytes goes. */
static bool is_browser(const char *name)
{
	static const char *const beginnings[] = { "chrom", "headless_shell", "firefox",
						  "MiniBrowser", "WebKit" };

	for (size_t i = 0; i < DV_COUNT(beginnings); i++) {
		if (str_starts_with(name, beginnings[i]))
			return true;
	}
	return false;
}

static FILE *open_stream(const struct env *env, const char *path)
{
	int fd = openat(env->root_dirfd, path, O_RDONLY | O_CLOEXEC);
	FILE *stream = fd < 0 ? NULL : fdopen(fd, "r");

	if (!stream)
		dv_closep(&fd);
	return stream;
}

/* The name of a process; "" for one that has ended. */
static void read_name(const struct env *env, pid_t pid, char ret_name[static 32])
{
	char path[64];
	DV_AUTO_FCLOSE FILE *stream = NULL;

	(void)snprintf(path, sizeof(path), "proc/%d/comm", pid);
	stream = open_stream(env, path);
	if (!stream || !fgets(ret_name, 32, stream))
		ret_name[0] = '\0';
}

/* "socket:[INODE]", as /proc/PID/fd has it; `target` is cut up. */
static bool parse_socket(char *target, uint64_t *ret_inode)
{
	size_t n = strlen(target);

	if (!str_starts_with(target, SOCKET) || target[n - 1] != ']')
		return false;
	target[n - 1] = '\0';
	return str_to_uint(target + strlen(SOCKET), UINT64_MAX, ret_inode) == 0;
}

/* Its sockets. -ENOENT when it has ended. */
static int add_sockets(const struct env *env, pid_t pid, struct sockets *sockets)
{
	char path[64];
	DIR *dir;
	int fd, r = 0;
	const struct dirent *entry;

	(void)snprintf(path, sizeof(path), "proc/%d/fd", pid);
	fd = openat(env->root_dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		r = -errno;
		dv_closep(&fd);
		return r;
	}
	while (r == 0 && (entry = readdir(dir))) {
		char target[64] = "";
		ssize_t n = readlinkat(fd, entry->d_name, target, sizeof(target) - 1);
		uint64_t inode = 0;

		if (n < 0 || !parse_socket(target, &inode))
			continue;
		if (sockets->n == MAX_SOCKETS)
			r = -E2BIG;
		else
			sockets->inodes[sockets->n++] = inode;
	}
	(void)closedir(dir);
	return r;
}

static bool has_connection(const struct env *env, const char *table, const struct sockets *sockets)
{
	DV_AUTO_FCLOSE FILE *stream = open_stream(env, table);
	char line[512];

	while (stream && fgets(line, sizeof(line), stream)) {
		struct proc_tcp row;

		if (!proc_parse_tcp(line, &row) || !row.is_established)
			continue;
		for (size_t i = 0; i < sockets->n; i++) {
			if (sockets->inodes[i] == row.inode)
				return true;
		}
	}
	return false;
}

static bool in_use(const char *why, char ret_why[static LEGACY_USE_WHY_BYTES])
{
	(void)snprintf(ret_why, LEGACY_USE_WHY_BYTES, "%s", why);
	return true;
}

bool legacy_use_find(const struct env *env, const char *cgroup,
		     char ret_why[static LEGACY_USE_WHY_BYTES])
{
	static const char unknown[] = "nobody can tell what it does";
	DV_AUTO_FREE struct sockets *sockets = calloc(1, sizeof(*sockets));
	DV_AUTO_FREE pid_t *pids = NULL;
	DV_AUTO_CLOSE int fd = -1;
	size_t n_pids = 0;

	if (!*cgroup)
		return false;
	fd = cgroup_open_path(env, cgroup, NULL);
	if (fd < 0 || !sockets || cgroup_list(fd, &pids, &n_pids, NULL) < 0 ||
	    n_pids > MAX_PROCESSES)
		return in_use(unknown, ret_why);
	for (size_t i = 0; i < n_pids; i++) {
		char name[32];
		int r;

		read_name(env, pids[i], name);
		if (is_browser(name))
			return in_use("its browser is open", ret_why);
		r = add_sockets(env, pids[i], sockets);
		if (r < 0 && r != -ENOENT)
			return in_use(unknown, ret_why);
	}
	if (has_connection(env, "proc/net/tcp", sockets) ||
	    has_connection(env, "proc/net/tcp6", sockets))
		return in_use("somebody is connected to it", ret_why);
	return false;
}
