/* restore.c - see restore.h; and the verb restore, which devvm-restore-place@USER runs. */
#include "agent/restore.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agents.h"
#include "agent/backup.h"
#include "agent/caller.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

#define DATABASE "state.sqlite"
#define FOLDER ".t3/userdata" /* below a home; t3's contract */
#define NEW "./.devvm-restore.sqlite"
#define CHUNK_BYTES 65536
#define PATH_BYTES 128
#define MAX_ASIDE 100

/* What sqlite would play back into another database of that name: each goes with its own. A copy is not in WAL mode,
 * so a t3 that was killed as it first opened one leaves a rollback journal. */
static const char *const SET[] = { DATABASE, DATABASE "-wal", DATABASE "-shm",
				   DATABASE "-journal" };

static bool exists(int folder_fd, const char *name)
{
	return faccessat(folder_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int sync_folder(int folder_fd, struct dv_error *err)
{
	return fsync(folder_fd) < 0 ? dv_fail(err, -errno, "keep the folder of the database") : 0;
}

/* One that a killed run has filled; or begun to, where there is another database to be put aside by now. */
static bool is_taken(int folder_fd, const char *name)
{
	char begun[PATH_BYTES * 2];

	(void)snprintf(begun, sizeof(begun), "%s.part/" DATABASE, name);
	return exists(folder_fd, name) || (exists(folder_fd, begun) && exists(folder_fd, DATABASE));
}

/* `aside`, or, where that is taken, the next that is free: nothing that may be the person's is ever removed. */
static int find_free(int folder_fd, const char *aside, char ret_name[static PATH_BYTES],
		     struct dv_error *err)
{
	(void)snprintf(ret_name, PATH_BYTES, "%s", aside);
	for (unsigned int i = 1; is_taken(folder_fd, ret_name); i++) {
		if (i > MAX_ASIDE)
			return dv_refuse(err, -EEXIST, "there are too many of %s: look into them",
					 aside);
		(void)snprintf(ret_name, PATH_BYTES, "%s.%u", aside, i);
	}
	return 0;
}

static int move_aside(int folder_fd, const char *aside, struct dv_error *err)
{
	char name[PATH_BYTES], part[PATH_BYTES + 8], to[PATH_BYTES * 2];
	int r = find_free(folder_fd, aside, name, err);

	if (r < 0)
		return r;
	(void)snprintf(part, sizeof(part), "%s.part", name);
	if (mkdirat(folder_fd, part, 0700) < 0 && errno != EEXIST)
		return dv_fail(err, -errno, "create %s", part);
	for (size_t i = 0; i < DV_COUNT(SET); i++) {
		(void)snprintf(to, sizeof(to), "%s/%s", part, SET[i]);
		if (renameat(folder_fd, SET[i], folder_fd, to) < 0 && errno != ENOENT)
			return dv_fail(err, -errno, "move %s aside", SET[i]);
	}
	if (renameat(folder_fd, part, folder_fd, name) < 0)
		return dv_fail(err, -errno, "name %s", name);
	return sync_folder(folder_fd, err);
}

static int write_copy(int from_fd, int to_fd, struct dv_error *err)
{
	char chunk[CHUNK_BYTES];
	ssize_t n, written;

	while ((n = read(from_fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return dv_fail(err, -errno, "read the copy");
		for (ssize_t at = 0; at < n; at += written) {
			written = write(to_fd, chunk + at, (size_t)(n - at));
			if (written < 0 && errno == EINTR)
				written = 0;
			if (written < 0)
				return dv_fail(err, -errno, "write the database");
		}
	}
	return fsync(to_fd) < 0 ? dv_fail(err, -errno, "keep the database") : 0;
}

static int write_new(int folder_fd, int copy_fd, const char *sha256, int64_t deadline_ms,
		     struct dv_error *err)
{
	DV_AUTO_BACKUP_RESULT struct backup_result result = { 0 };
	DV_AUTO_CLOSE int fd = -1;
	int r;

	if (unlinkat(folder_fd, NEW, 0) < 0 && errno != ENOENT)
		return dv_fail(err, -errno, "remove " NEW);
	fd = openat(folder_fd, NEW, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return dv_fail(err, -errno, "create " NEW);
	r = write_copy(copy_fd, fd, err);
	if (r == 0)
		r = backup_look(NEW, deadline_ms, &result, err);
	if (r == 0 && strcmp(result.sha256, sha256) != 0)
		r = dv_refuse(err, -EBADMSG, "what was written is not the copy");
	return r;
}

int restore_place(int folder_fd, int copy_fd, const char *aside, const char *sha256,
		  int64_t deadline_ms, struct dv_error *err)
{
	bool has_copy = strcmp(sha256, RESTORE_NO_COPY) != 0;
	/* What is there stays in its place until what comes is whole. */
	int r = has_copy ? write_new(folder_fd, copy_fd, sha256, deadline_ms, err) : 0;

	if (r == 0)
		r = move_aside(folder_fd, aside, err);
	if (r == 0 && has_copy && renameat(folder_fd, NEW, folder_fd, DATABASE) < 0)
		r = dv_fail(err, -errno, "put the database in its place");
	/* What is left of it may be what the disk is full of; root has the copy still. */
	if (r < 0 && has_copy)
		(void)unlinkat(folder_fd, NEW, 0); /* else the next try does */
	return r < 0 ? r : sync_folder(folder_fd, err);
}

/* ---- the verb ------------------------------------------------------------------------- */

static int open_folder(const struct caller *caller, struct dv_error *err)
{
	int fd;

	if ((mkdirat(caller->home_fd, ".t3", 0755) < 0 && errno != EEXIST) ||
	    (mkdirat(caller->home_fd, FOLDER, 0755) < 0 && errno != EEXIST))
		return dv_fail(err, -errno, "create ~/" FOLDER);
	fd = openat(caller->home_fd, FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fchdir(fd) < 0)
		return dv_fail(err, -errno, "open ~/" FOLDER);
	return fd;
}

int agent_restore(int argc, char **argv DV_UNUSED)
{
	DV_AUTO_CALLER struct caller caller = CALLER_EMPTY;
	const char *aside = getenv("DEVVM_ASIDE"), *sha256 = getenv("DEVVM_SHA256");
	DV_AUTO_CLOSE int folder_fd = -1;
	struct dv_error err = { "" };
	int r;

	if (argc != 1 || !aside || strchr(aside, '/') || strlen(aside) > PATH_BYTES / 2 ||
	    !sha256) {
		log_error("usage: devvm-agent restore, in devvm-restore-place@.service");
		return AGENT_USAGE;
	}
	r = caller_init(&caller, &err);
	if (r == 0)
		r = folder_fd = open_folder(&caller, &err);
	if (r >= 0)
		r = restore_place(folder_fd, STDIN_FILENO, aside, sha256,
				  clock_deadline_ms((int64_t)caller.config.backup_deadline_s *
						    1000),
				  &err);
	if (r < 0)
		log_error("%s", err.text);
	return r < 0 ? AGENT_FAILED : AGENT_OK;
}
