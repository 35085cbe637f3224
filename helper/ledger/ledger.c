/* ledger.c - see ledger.h.
 *
 * The database is opened by path below the root of struct env, through
 * /proc/self/fd/N, because sqlite wants a name and the root may be a test's folder.
 */
#include "ledger/ledger.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "ledger/copy.h"
#include "ledger/schema.h"
#include "ledger/sql.h"

#define LOCK_RETRY_MS 5
#define NAME_BYTES 80
#define AGAIN_FULL "PRAGMA synchronous = FULL" /* after ledger_begin_results() */

/* Two programs may start at once: what is missing is looked at again under the write lock. */
static int migrate(struct ledger *ledger, struct dv_error *err)
{
	bool is_current = false;
	int r = schema_look(ledger, &is_current, err);

	if (r < 0 || is_current)
		return r;
	r = ledger_begin(ledger, err);
	if (r < 0)
		return r;
	r = schema_migrate(ledger, err);
	if (r == 0)
		r = ledger_commit(ledger, err);
	if (r < 0)
		ledger_rollback(ledger);
	return r;
}

/* Made here and not by sqlite, so that its mode is 0600 whatever the umask; and closed again
 * where somebody has opened it up. */
static int create_file(int folder_fd, struct dv_error *err)
{
	DV_AUTO_CLOSE int fd =
		openat(folder_fd, "ledger.db", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat st;

	if (fd < 0)
		return dv_fail(err, -errno, "open /%s", LEDGER_PATH);
	if (fstat(fd, &st) < 0)
		return dv_fail(err, -errno, "look at /%s", LEDGER_PATH);
	if ((st.st_mode & 07777) != 0600 && fchmod(fd, 0600) < 0)
		return dv_fail(err, -errno, "change the mode of /%s", LEDGER_PATH);
	return 0;
}

static int open_database(struct ledger *ledger, int folder_fd, int busy_ms, struct dv_error *err)
{
	char name[NAME_BYTES];
	int r = create_file(folder_fd, err);

	if (r < 0)
		return r;
	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d/ledger.db", folder_fd);
	return sql_open(ledger, name, SQLITE_OPEN_READWRITE, busy_ms, err);
}

/* In WAL mode and of our version: nothing is left to set up. */
static bool is_set_up(struct ledger *ledger)
{
	bool is_current = false;
	int r;
	DV_AUTO_STMT sqlite3_stmt *s = sql_prepare(ledger, "PRAGMA journal_mode", &r, NULL);

	return s && sqlite3_step(s) == SQLITE_ROW &&
	       str_equal((const char *)sqlite3_column_text(s, 0), "wal") &&
	       schema_look(ledger, &is_current, NULL) == 0 && is_current;
}

static int set_up(struct ledger *ledger, struct dv_error *err)
{
	int r = sql_script(ledger, "PRAGMA journal_mode = WAL", "set up", err);

	return r < 0 ? r : migrate(ledger, err);
}

/* For as long as folder_fd is open. */
static int lock_folder(int folder_fd, int busy_ms, struct dv_error *err)
{
	int64_t deadline_ms = clock_deadline_ms(busy_ms);

	while (flock(folder_fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return dv_fail(err, -errno, "lock /%s", LEDGER_FOLDER);
		if (clock_left_ms(deadline_ms) == 0)
			return dv_refuse(err, -EBUSY,
					 "ledger /%s: another program is setting it up",
					 LEDGER_PATH);
		(void)poll(NULL, 0, LOCK_RETRY_MS);
	}
	return 0;
}

/* sqlite says "unable to open database file" of a disk that takes nothing more, and keeps why to itself: a
 * file of our own in that folder is told. */
static int explain(int folder_fd, int r, struct dv_error *err)
{
	static const char probe[] = FILE_TEMPORARY_PREFIX "probe";
	DV_AUTO_CLOSE int fd = -1;
	char page[4096] = "";
	int failure = 0;

	if (r != -EIO && r != -ENOENT)
		return r;
	fd = openat(folder_fd, probe, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || write(fd, page, sizeof(page)) != (ssize_t)sizeof(page) || fsync(fd) < 0)
		failure = errno;
	(void)unlinkat(folder_fd, probe, 0); /* else the next run's sweep of the folder */
	if (failure == 0)
		return r;
	return dv_refuse(err, -failure, "ledger /%s: nothing can be written to its folder: %s",
			 LEDGER_PATH, strerror(failure));
}

/* Two that make a database or bring it into WAL mode at once fail each other in ways
 * that sqlite's own locks do not wait for. So what does not look ready at first sight is
 * opened again, and set up, by one program at a time. */
static int open_set_up(struct ledger *ledger, int folder_fd, int busy_ms, struct dv_error *err)
{
	int r = open_database(ledger, folder_fd, busy_ms, NULL);

	if (r < 0 || !is_set_up(ledger)) {
		sql_close(ledger);
		r = lock_folder(folder_fd, busy_ms, err);
		if (r == 0)
			r = open_database(ledger, folder_fd, busy_ms, err);
		if (r == 0)
			r = set_up(ledger, err);
	}
	/* FULL: a port that was handed out must still be the person's after a power cut. A
	 * reconcile that changes nothing commits nothing, so the sync is rare. */
	return r < 0 ? r
		     : sql_script(ledger,
				  "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
				  "PRAGMA cache_size = -512;",
				  "set up", err);
}

static int open_scratch(struct ledger *ledger, const struct env *env, int busy_ms,
			struct dv_error *err)
{
	DV_AUTO_CLOSE int folder_fd =
		openat(env->root_dirfd, LEDGER_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = sql_open(ledger, ":memory:", SQLITE_OPEN_READWRITE, 0, err);

	if (r < 0)
		return r;
	if (folder_fd >= 0 && faccessat(folder_fd, "ledger.db", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		r = copy_fill(ledger, folder_fd, busy_ms, err);
	else if (errno != ENOENT)
		r = dv_fail(err, -errno, "open /%s", LEDGER_PATH);
	if (r == 0)
		r = migrate(ledger, err);
	return r < 0 ? r : sql_script(ledger, "PRAGMA foreign_keys = ON", "set up", err);
}

int ledger_open(struct ledger **ret_ledger, const struct env *env, enum ledger_mode mode,
		int busy_ms, struct dv_error *err)
{
	DV_AUTO_LEDGER struct ledger *ledger = calloc(1, sizeof(*ledger));
	DV_AUTO_CLOSE int folder_fd = -1;
	int r;

	if (!ledger)
		return dv_fail(err, -ENOMEM, "open the ledger");
	if (mode == LEDGER_SCRATCH) {
		r = open_scratch(ledger, env, busy_ms, err);
	} else {
		r = file_make_dirs(env->root_dirfd, LEDGER_FOLDER, 0711, err);
		if (r < 0)
			return r;
		folder_fd =
			openat(env->root_dirfd, LEDGER_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (folder_fd < 0)
			return dv_fail(err, -errno, "open /%s", LEDGER_FOLDER);
		r = open_set_up(ledger, folder_fd, busy_ms, err);
		if (r < 0)
			r = explain(folder_fd, r, err);
	}
	if (r < 0)
		return r;
	*ret_ledger = DV_TAKE_PTR(ledger);
	return 0;
}

void ledger_close(struct ledger *ledger)
{
	if (!ledger)
		return;
	sql_close(ledger);
	free(ledger);
}

void ledger_closep(struct ledger **ledger)
{
	ledger_close(*ledger);
	*ledger = NULL;
}

int ledger_begin(struct ledger *ledger, struct dv_error *err)
{
	return sql_script(ledger, "BEGIN IMMEDIATE", "begin", err);
}

int ledger_begin_results(struct ledger *ledger, struct dv_error *err)
{
	int r = sql_script(ledger, "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE", "begin", err);

	if (r < 0)
		DV_IGNORE(sql_script(ledger, AGAIN_FULL, "begin", NULL)); /* r is to be told */
	return r;
}

int ledger_commit(struct ledger *ledger, struct dv_error *err)
{
	return sql_script(ledger, "COMMIT; " AGAIN_FULL, "commit", err);
}

void ledger_rollback(struct ledger *ledger)
{
	/* Nothing to roll back is an error of sqlite's and none of ours. */
	if (!sqlite3_get_autocommit(ledger->db))
		(void)sqlite3_exec(ledger->db, "ROLLBACK; " AGAIN_FULL, NULL, NULL, NULL);
}

int ledger_get_meta(struct ledger *ledger, const char *key, char **ret_value, struct dv_error *err)
{
	bool failed = false;
	char *value = NULL;
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger, "SELECT value FROM meta WHERE key = ?1", &r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, key);
	switch (sqlite3_step(s)) {
	case SQLITE_ROW:
		value = sql_copy_text(s, 0, &failed);
		break;
	case SQLITE_DONE:
		break;
	default:
		return sql_fail(ledger, err, "read a value");
	}
	if (failed)
		return dv_fail(err, -ENOMEM, "read the ledger");
	*ret_value = value;
	return 0;
}

int ledger_set_meta(struct ledger *ledger, const char *key, const char *value, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    value ? "INSERT INTO meta (key, value) VALUES (?1, ?2)"
				    " ON CONFLICT (key) DO UPDATE SET value = ?2"
				    " WHERE value <> ?2"
				  : "DELETE FROM meta WHERE key = ?1",
			    &r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, key);
	if (value)
		sql_bind_text(s, 2, value);
	return sql_run(ledger, s, "write a value", err);
}
