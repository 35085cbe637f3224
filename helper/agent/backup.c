/* backup.c - see backup.h; and the verb backup, which devvm-backup-copy@USER runs. */
#include "agent/backup.h"

#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "agent/agents.h"
#include "agent/caller.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "t3/state.h"

#define BUSY_MS 500
#define LOCKED_MS 60000 /* who waits for this copy does not wait longer for who holds a lock */
#define SPARE_BYTES (INT64_C(64) << 20) /* that stay free on the disk */
#define MAX_TABLES 1000

/* ---- looking -------------------------------------------------------------------------- */

static int on_table(void *context, const char *name, int64_t n_rows, struct dv_error *err)
{
	json_t *rows = context;

	if (json_object_size(rows) >= MAX_TABLES)
		return dv_refuse(err, -E2BIG, "it has more than %d tables", MAX_TABLES);
	return json_object_set_new(rows, name, json_integer(n_rows)) < 0
		       ? dv_fail(err, -ENOMEM, "count the rows")
		       : 0;
}

static int look_inside(const char *path, int64_t deadline_ms, struct backup_result *result,
		       struct dv_error *err)
{
	DV_AUTO_STATE sqlite3 *db = NULL;
	json_t *rows = json_object();
	int r = state_open(path, STATE_AT_REST, BUSY_MS, &deadline_ms, &db, err);

	if (r == 0)
		r = state_check(db, false, err);
	if (r == 0)
		r = state_count_tables(db, on_table, rows, err);
	if (r == 0)
		r = state_read_level(db, &result->level, err);
	if (r == 0) {
		result->rows = json_dumps(rows, JSON_COMPACT | JSON_SORT_KEYS);
		r = result->rows ? 0 : dv_fail(err, -ENOMEM, "count the rows");
	}
	json_decref(rows);
	return r;
}

int backup_look(const char *path, int64_t deadline_ms, struct backup_result *ret_result,
		struct dv_error *err)
{
	DV_AUTO_BACKUP_RESULT struct backup_result result = { .level = BACKUP_NO_LEVEL };
	DV_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	int r = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return dv_fail(err, -errno, "open %s", path);
	if (!S_ISREG(st.st_mode))
		return dv_refuse(err, -EMEDIUMTYPE, "%s is no file", path);
	result.bytes = st.st_size;
	r = look_inside(path, deadline_ms, &result, err);
	if (r == 0)
		r = digest_sha256_fd(fd, result.sha256, err);
	if (r < 0)
		return r;
	*ret_result = result;
	result = (struct backup_result){ 0 }; /* handed over */
	return 0;
}

void backup_result_done(struct backup_result *result)
{
	free(result->rows);
	result->rows = NULL;
}

/* ---- copying -------------------------------------------------------------------------- */

/* What t3 writes is a file; whatever else is there is not touched. */
static int check_source(const char *source, int folder_fd, struct dv_error *err)
{
	struct statvfs disk;
	struct stat st = { 0 }, log = { 0 };
	DV_AUTO_FREE char *wal = NULL;
	int64_t wanted, free_bytes;
	int r = state_check_file(source, err);

	if (r < 0)
		return r;
	if (asprintf(&wal, "%s-wal", source) < 0) {
		wal = NULL;
		return dv_fail(err, -ENOMEM, "look at %s", source);
	}
	(void)lstat(source, &st); /* one that goes meanwhile is told when it is opened */
	(void)lstat(wal, &log);
	wanted = (int64_t)st.st_blocks * 512 + (int64_t)log.st_blocks * 512 + SPARE_BYTES;
	if (fstatvfs(folder_fd, &disk) < 0)
		return dv_fail(err, -errno, "look how much is free");
	free_bytes = (int64_t)disk.f_bavail * (int64_t)disk.f_frsize;
	if (free_bytes < wanted)
		return dv_refuse(err, -ENOSPC,
				 "a copy needs %" PRId64 " MiB, and %" PRId64
				 " MiB are free: make room",
				 wanted >> 20, free_bytes >> 20);
	return 0;
}

static int vacuum_into(const char *source, const char *target, int64_t deadline_ms,
		       struct dv_error *err)
{
	DV_AUTO_STATE sqlite3 *db = NULL;
	char *sql = sqlite3_mprintf("VACUUM INTO %Q", target);
	int r = sql ? state_open(source, STATE_IN_USE, BUSY_MS, &deadline_ms, &db, err)
		    : dv_fail(err, -ENOMEM, "copy %s", source);
	int64_t locked_ms = clock_deadline_ms(LOCKED_MS);
	int code = SQLITE_OK;

	while (r == 0) {
		code = sqlite3_exec(db, sql, NULL, NULL, NULL);
		/* Another program may lock all of it for a while (a checkpoint, a repair). */
		if ((code != SQLITE_BUSY && code != SQLITE_LOCKED) ||
		    clock_left_ms(deadline_ms) == 0 || clock_left_ms(locked_ms) == 0)
			break;
		(void)poll(NULL, 0, BUSY_MS);
		(void)unlink(target);
	}
	sqlite3_free(sql);
	return r < 0 || code == SQLITE_OK ? r : state_complain(db, code, "copy the database", err);
}

int backup_make(const char *source, const char *folder, int folder_fd, int64_t deadline_ms,
		struct backup_result *ret_result, struct dv_error *err)
{
	DV_AUTO_FREE char *target = NULL;
	DV_AUTO_CLOSE int fd = -1;
	mode_t before;
	int r = check_source(source, folder_fd, err);

	if (r < 0)
		return r;
	if (asprintf(&target, "%s/" BACKUP_COPY, folder) < 0) {
		target = NULL;
		return dv_fail(err, -ENOMEM, "copy %s", source);
	}
	r = file_remove(folder_fd, BACKUP_COPY, err);
	if (r < 0)
		return r;
	before = umask(077); /* VACUUM INTO makes 0644 otherwise, whatever the source has */
	r = vacuum_into(source, target, deadline_ms, err);
	(void)umask(before);
	if (r == 0)
		r = backup_look(target, deadline_ms, ret_result, err);
	if (r < 0)
		return r;
	fd = openat(folder_fd, BACKUP_COPY, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 || fsync(fd) < 0 ? dv_fail(err, -errno, "keep the copy") : 0;
}

/* ---- the verb ------------------------------------------------------------------------- */

static int write_result(int folder_fd, const struct backup_result *result, int r,
			const struct dv_error *why, struct dv_error *err)
{
	json_t *json =
		r == 0 ? json_pack("{s:s, s:I, s:I, s:s, s:s}", "state", "ok", "bytes",
				   (json_int_t)result->bytes, "level", (json_int_t)result->level,
				   "sha256", result->sha256, "rows", result->rows)
		       : json_pack("{s:s, s:s}", "state", r == -ENOENT ? "none" : "failed", "error",
				   why->text);
	DV_AUTO_FREE char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	if (!text)
		return dv_fail(err, -ENOMEM, "write the result");
	return file_replace(folder_fd, BACKUP_RESULT,
			    &(struct file_spec){ .data = text,
						 .n_bytes = strlen(text),
						 .mode = 0600,
						 .uid = geteuid(),
						 .gid = (gid_t)-1 },
			    err);
}

int agent_backup(int argc, char **argv DV_UNUSED)
{
	DV_AUTO_BACKUP_RESULT struct backup_result result = { .level = BACKUP_NO_LEVEL };
	DV_AUTO_CALLER struct caller caller = CALLER_EMPTY;
	const char *folder = getenv("CACHE_DIRECTORY");
	DV_AUTO_FREE char *source = NULL;
	DV_AUTO_CLOSE int folder_fd = -1;
	struct dv_error err = { "" }, why = { "" };
	int made = 0, r;

	if (argc != 1 || !folder) {
		log_error("usage: devvm-agent backup, in a unit with a CacheDirectory=");
		return AGENT_USAGE;
	}
	r = caller_init(&caller, &err);
	if (r == 0 && asprintf(&source, "%s/" STATE_DATABASE, caller.home) < 0) {
		source = NULL;
		r = dv_fail(&err, -ENOMEM, "back up");
	}
	if (r == 0) {
		folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = folder_fd < 0 ? dv_fail(&err, -errno, "open %s", folder) : 0;
	}
	/* What an earlier run told is not for whoever waits for this one. */
	if (r == 0)
		r = file_remove(folder_fd, BACKUP_RESULT, &err);
	if (r == 0) {
		made = backup_make(source, folder, folder_fd,
				   clock_deadline_ms((int64_t)caller.config.backup_deadline_s *
						     1000),
				   &result, &why);
		r = write_result(folder_fd, &result, made, &why, &err);
	}
	if (r < 0)
		log_error("%s", err.text);
	else if (made < 0 && made != -ENOENT)
		log_error("%s", why.text);
	return r < 0 || (made < 0 && made != -ENOENT) ? AGENT_FAILED : AGENT_OK;
}
