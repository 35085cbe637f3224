/* legacy_use.c - see legacy_use.h; proc(5), proc_net_tcp(5), cgroups(7). */
#include "steps/legacy_use.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "base/str.h"

#define MAX_PROCESSES 4096
#define MAX_SOCKETS 4096
#define PATH_BYTES 4200
#define ESTABLISHED 1 /* of the column st */

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
static void read_name(const struct env *env, unsigned int pid, char ret_name[static 32])
{
	char path[64];
	DV_AUTO_FCLOSE FILE *stream = NULL;

	(void)snprintf(path, sizeof(path), "proc/%u/comm", pid);
	stream = open_stream(env, path);
	if (!stream || !fgets(ret_name, 32, stream))
		ret_name[0] = '\0';
}

/* Its sockets. -ENOENT when it has ended. */
static int add_sockets(const struct env *env, unsigned int pid, struct sockets *sockets)
{
	char path[64];
	DIR *dir;
	int fd, r = 0;
	const struct dirent *entry;

	(void)snprintf(path, sizeof(path), "proc/%u/fd", pid);
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

		if (n < 0 || sscanf(target, "socket:[%" SCNu64 "]", &inode) != 1)
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
		unsigned int state = 0;
		uint64_t inode = 0;

		if (sscanf(line, " %*u: %*s %*s %x %*s %*s %*s %*u %*u %" SCNu64, &state, &inode) !=
			    2 ||
		    state != ESTABLISHED)
			continue;
		for (size_t i = 0; i < sockets->n; i++) {
			if (sockets->inodes[i] == inode)
				return true;
		}
	}
	return false;
}

/* Unified, or the named hierarchy beside the controllers of v1. */
static FILE *open_processes(const struct env *env, const char *cgroup)
{
	static const char *const mounts[] = { "sys/fs/cgroup", "sys/fs/cgroup/unified",
					      "sys/fs/cgroup/systemd" };

	for (size_t i = 0; i < DV_COUNT(mounts); i++) {
		char path[PATH_BYTES];
		FILE *stream;

		(void)snprintf(path, sizeof(path), "%s%s/cgroup.procs", mounts[i], cgroup);
		stream = open_stream(env, path);
		if (stream)
			return stream;
	}
	return NULL;
}

bool legacy_use_find(const struct env *env, const char *cgroup,
		     char ret_why[static LEGACY_USE_WHY_BYTES])
{
	DV_AUTO_FCLOSE FILE *processes = NULL;
	DV_AUTO_FREE struct sockets *sockets = calloc(1, sizeof(*sockets));
	unsigned int pid, n = 0;

	if (!*cgroup)
		return false;
	processes = open_processes(env, cgroup);
	if (!processes || !sockets) {
		(void)snprintf(ret_why, LEGACY_USE_WHY_BYTES, "nobody can tell what it does");
		return true;
	}
	while (fscanf(processes, "%u", &pid) == 1) {
		char name[32];
		int r;

		read_name(env, pid, name);
		if (is_browser(name)) {
			(void)snprintf(ret_why, LEGACY_USE_WHY_BYTES, "its browser is open");
			return true;
		}
		r = add_sockets(env, pid, sockets);
		if ((r < 0 && r != -ENOENT) || ++n > MAX_PROCESSES) {
			(void)snprintf(ret_why, LEGACY_USE_WHY_BYTES,
				       "nobody can tell what it does");
			return true;
		}
	}
	if (has_connection(env, "proc/net/tcp", sockets) ||
	    has_connection(env, "proc/net/tcp6", sockets)) {
		(void)snprintf(ret_why, LEGACY_USE_WHY_BYTES, "somebody is connected to it");
		return true;
	}
	return false;
}
