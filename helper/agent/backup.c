/* backup.c - see backup.h; and the verb backup, which devvm-backup-copy@USER runs. */
#include "agent/backup.h"

#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "agent/agents.h"
#include "agent/caller.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"

#define PROGRESS_OPS 10000
#define BUSY_MS 500
#define SPARE_BYTES (INT64_C(64) << 20) /* that stay free on the disk */
#define MAX_TABLES 1000

/* ---- sqlite --------------------------------------------------------------------------- */

static void close_dbp(sqlite3 **db)
{
	(void)sqlite3_close_v2(*db); /* statements are finalised in their functions */
}

static void finalizep(sqlite3_stmt **statement)
{
	(void)sqlite3_finalize(*statement);
}

#define DV_AUTO_DB DV_CLEANUP(close_dbp)
#define DV_AUTO_STATEMENT DV_CLEANUP(finalizep)

static int on_progress(void *context)
{
	return clock_left_ms(*(const int64_t *)context) == 0;
}

/* What sqlite says, as an errno that a caller can act on. */
static int complain(sqlite3 *db, int code, const char *what, struct dv_error *err)
{
	static const struct {
		int code, r;
		const char *why;
	} kinds[] = {
		{ SQLITE_CORRUPT, -EMEDIUMTYPE, "the database is damaged" },
		{ SQLITE_NOTADB, -EMEDIUMTYPE, "it is no database, or damaged" },
		{ SQLITE_INTERRUPT, -ETIMEDOUT, "it took too long" },
		{ SQLITE_BUSY, -ETIMEDOUT, "another program held it locked for too long" },
		{ SQLITE_LOCKED, -ETIMEDOUT, "another program held it locked for too long" },
		{ SQLITE_FULL, -ENOSPC, "the disk is full" },
	};

	for (size_t i = 0; i < DV_COUNT(kinds); i++) {
		if (kinds[i].code == (code & 0xff))
			return dv_refuse(err, kinds[i].r, "%s: %s (%s)", what, kinds[i].why,
					 db ? sqlite3_errmsg(db) : sqlite3_errstr(code));
	}
	return dv_refuse(err, -EIO, "%s: %s", what, db ? sqlite3_errmsg(db) : sqlite3_errstr(code));
}

static int open_db(const char *path, bool is_used, const int64_t *deadline_ms, sqlite3 **ret_db,
		   struct dv_error *err)
{
	DV_AUTO_FREE char *uri = NULL;
	int code;

	/* An unused one is ours, of a name without anything that a URI would read, and nothing is to be left
	 * beside it. */
	if (!is_used && asprintf(&uri, "file:%s?immutable=1", path) < 0) {
		uri = NULL;
		return dv_fail(err, -ENOMEM, "open %s", path);
	}
	code = sqlite3_open_v2(uri ? uri : path, ret_db,
			       SQLITE_OPEN_READONLY | (uri ? SQLITE_OPEN_URI : 0), NULL);
	if (code != SQLITE_OK)
		return complain(*ret_db, code, path, err);
	sqlite3_progress_handler(*ret_db, PROGRESS_OPS, on_progress, (void *)deadline_ms);
	(void)sqlite3_busy_timeout(*ret_db, BUSY_MS);
	return 0;
}

/* ---- looking -------------------------------------------------------------------------- */

static int check_integrity(sqlite3 *db, struct dv_error *err)
{
	DV_AUTO_STATEMENT sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &statement, NULL);
	const char *said;

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code != SQLITE_ROW)
		return complain(db, code, "check its integrity", err);
	said = (const char *)sqlite3_column_text(statement, 0);
	return str_equal(said, "ok") ? 0
				     : dv_refuse(err, -EMEDIUMTYPE, "the database is damaged: %s",
						 said ? said : "no reason given");
}

/* The number that `sql` says. */
static int ask_number(sqlite3 *db, const char *sql, int64_t *ret_number, struct dv_error *err)
{
	DV_AUTO_STATEMENT sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code != SQLITE_ROW)
		return complain(db, code, "read the database", err);
	*ret_number = sqlite3_column_type(statement, 0) == SQLITE_NULL
			      ? BACKUP_NO_LEVEL
			      : sqlite3_column_int64(statement, 0);
	return 0;
}

static int count_table(sqlite3 *db, const char *table, json_t *rows, struct dv_error *err)
{
	char *sql = sqlite3_mprintf("SELECT count(*) FROM \"%w\"", table);
	int64_t n = 0;
	int r = sql ? ask_number(db, sql, &n, err) : -ENOMEM;

	sqlite3_free(sql);
	if (r == 0 && json_object_set_new(rows, table, json_integer(n)) < 0)
		r = dv_fail(err, -ENOMEM, "count the rows");
	return r;
}

static int count_rows(sqlite3 *db, json_t *rows, struct dv_error *err)
{
	DV_AUTO_STATEMENT sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(db,
				      "SELECT name FROM sqlite_schema WHERE type = 'table' AND"
				      " name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
				      -1, &statement, NULL);

	while (code == SQLITE_OK || code == SQLITE_ROW) {
		code = sqlite3_step(statement);
		if (code == SQLITE_ROW) {
			const char *table = (const char *)sqlite3_column_text(statement, 0);
			int r = json_object_size(rows) >= MAX_TABLES
					? dv_refuse(err, -E2BIG, "it has more than %d tables",
						    MAX_TABLES)
					: count_table(db, table ? table : "", rows, err);

			if (r < 0)
				return r;
		}
	}
	return code == SQLITE_DONE ? 0 : complain(db, code, "list the tables", err);
}

static int read_level(sqlite3 *db, const json_t *rows, int64_t *ret_level, struct dv_error *err)
{
	*ret_level = BACKUP_NO_LEVEL;
	if (!json_object_get(rows, "effect_sql_migrations"))
		return 0;
	return ask_number(db, "SELECT max(migration_id) FROM effect_sql_migrations", ret_level,
			  err);
}

static int look_inside(const char *path, int64_t deadline_ms, struct backup_result *result,
		       struct dv_error *err)
{
	DV_AUTO_DB sqlite3 *db = NULL;
	json_t *rows = json_object();
	int r = open_db(path, false, &deadline_ms, &db, err);

	if (r == 0)
		r = check_integrity(db, err);
	if (r == 0)
		r = count_rows(db, rows, err);
	if (r == 0)
		r = read_level(db, rows, &result->level, err);
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
	struct stat st, log = { 0 };
	DV_AUTO_FREE char *wal = NULL;
	int64_t wanted, free_bytes;

	if (lstat(source, &st) < 0)
		return errno == ENOENT ? dv_refuse(err, -ENOENT, "there is no %s yet", source)
				       : dv_fail(err, -errno, "look at %s", source);
	if (!S_ISREG(st.st_mode))
		return dv_refuse(err, -EMEDIUMTYPE, "%s is no file but %s", source,
				 S_ISLNK(st.st_mode)   ? "a link"
				 : S_ISDIR(st.st_mode) ? "a folder"
						       : "something else");
	if (st.st_nlink != 1)
		return dv_refuse(err, -EMEDIUMTYPE, "%s has another name (a hard link)", source);
	if (asprintf(&wal, "%s-wal", source) < 0) {
		wal = NULL;
		return dv_fail(err, -ENOMEM, "look at %s", source);
	}
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
	DV_AUTO_DB sqlite3 *db = NULL;
	char *sql = sqlite3_mprintf("VACUUM INTO %Q", target);
	int r = sql ? open_db(source, true, &deadline_ms, &db, err)
		    : dv_fail(err, -ENOMEM, "copy %s", source);
	int code = SQLITE_OK;

	while (r == 0) {
		code = sqlite3_exec(db, sql, NULL, NULL, NULL);
		/* Another program may lock all of it for a while (a checkpoint, a repair). */
		if ((code != SQLITE_BUSY && code != SQLITE_LOCKED) ||
		    clock_left_ms(deadline_ms) == 0)
			break;
		(void)poll(NULL, 0, BUSY_MS);
		(void)unlink(target);
	}
	sqlite3_free(sql);
	return r < 0 || code == SQLITE_OK ? r : complain(db, code, "copy the database", err);
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
	if (r == 0 && asprintf(&source, "%s/" BACKUP_DATABASE, caller.home) < 0) {
		source = NULL;
		r = dv_fail(&err, -ENOMEM, "back up");
	}
	if (r == 0) {
		folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = folder_fd < 0 ? dv_fail(&err, -errno, "open %s", folder) : 0;
	}
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
