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
#include "ledger/sql.h"

/* Migration n brings a database from user_version n to n + 1. Rows are only ever added
 * at the end. */
static const char *const LEDGER_MIGRATIONS[] = {
	"CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE people ("
	" name TEXT PRIMARY KEY,"
	" identity TEXT NOT NULL, k8s_user TEXT NOT NULL, tier TEXT NOT NULL,"
	" shell TEXT NOT NULL, groups TEXT NOT NULL, layout TEXT NOT NULL,"
	" repos TEXT NOT NULL, ssh_keys TEXT NOT NULL,"
	" parked INTEGER NOT NULL, eager INTEGER NOT NULL, wanted_uid INTEGER NOT NULL,"
	" state TEXT NOT NULL, generation INTEGER NOT NULL,"
	" uid INTEGER NOT NULL DEFAULT -1,"
	" account TEXT NOT NULL DEFAULT 'unknown',"
	" login TEXT NOT NULL DEFAULT 'unknown',"
	" token_digest TEXT"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX people_by_uid ON people (uid);"
	"CREATE TABLE ports ("
	" port INTEGER PRIMARY KEY, service TEXT NOT NULL,"
	" name TEXT NOT NULL REFERENCES people (name) ON UPDATE CASCADE,"
	" UNIQUE (name, service)"
	") STRICT;"
	"CREATE TABLE steps ("
	" name TEXT NOT NULL, step TEXT NOT NULL, status TEXT NOT NULL,"
	" error TEXT, fingerprint TEXT, generation INTEGER NOT NULL,"
	" attempts INTEGER NOT NULL, next_retry_usec INTEGER NOT NULL,"
	" updated_usec INTEGER NOT NULL,"
	" PRIMARY KEY (name, step)"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE shared_tokens (digest TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;"
	"CREATE TABLE events ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, at_usec INTEGER NOT NULL,"
	" priority INTEGER NOT NULL, name TEXT, step TEXT, text TEXT NOT NULL"
	") STRICT;",
	"CREATE TABLE looks ("
	" name TEXT PRIMARY KEY, idle_since_usec INTEGER NOT NULL,"
	" agent_ticks INTEGER NOT NULL, agent_start INTEGER NOT NULL"
	") STRICT, WITHOUT ROWID;",
	"ALTER TABLE people ADD COLUMN cut INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE people ADD COLUMN archive TEXT;",
	"CREATE TABLE secrets ("
	" name TEXT PRIMARY KEY, source TEXT NOT NULL, version TEXT,"
	" staged_usec INTEGER NOT NULL, error TEXT"
	") STRICT, WITHOUT ROWID;",
	"CREATE TABLE tools ("
	" name TEXT PRIMARY KEY, version TEXT NOT NULL, pin TEXT NOT NULL,"
	" digest TEXT NOT NULL, links TEXT NOT NULL"
	") STRICT, WITHOUT ROWID;",
	"CREATE TABLE mirrors ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, route TEXT NOT NULL,"
	" state TEXT NOT NULL, started_usec INTEGER NOT NULL, ended_usec INTEGER NOT NULL,"
	" checked INTEGER NOT NULL, copied INTEGER NOT NULL, deleted INTEGER NOT NULL,"
	" errors INTEGER NOT NULL, bytes INTEGER NOT NULL, text TEXT"
	") STRICT;"
	"CREATE INDEX mirrors_by_name ON mirrors (name, id);",
	"CREATE TABLE backups ("
	" name TEXT NOT NULL, id TEXT NOT NULL, reason TEXT NOT NULL, is_ok INTEGER NOT NULL,"
	" took_ms INTEGER NOT NULL, bytes INTEGER NOT NULL, level INTEGER NOT NULL,"
	" sha256 TEXT, rows TEXT, needed_by TEXT, error TEXT,"
	" PRIMARY KEY (name, id)"
	") STRICT, WITHOUT ROWID;",
	"CREATE TABLE update_runs ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, began_usec INTEGER NOT NULL,"
	" ended_usec INTEGER NOT NULL, state TEXT NOT NULL, from_version TEXT NOT NULL,"
	" to_version TEXT NOT NULL, integrity TEXT NOT NULL, outcome TEXT NOT NULL,"
	" reason TEXT NOT NULL, boot TEXT NOT NULL"
	") STRICT;"
	"CREATE TABLE update_transitions ("
	" run INTEGER NOT NULL, seq INTEGER NOT NULL, at_usec INTEGER NOT NULL,"
	" state TEXT NOT NULL, person TEXT, text TEXT NOT NULL,"
	" PRIMARY KEY (run, seq)"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE known_bad ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, version TEXT NOT NULL,"
	" since_usec INTEGER NOT NULL, run INTEGER NOT NULL, reason TEXT NOT NULL,"
	" forgiven_usec INTEGER NOT NULL"
	") STRICT;",
	"CREATE TABLE restores ("
	" name TEXT PRIMARY KEY, id TEXT NOT NULL, state INTEGER NOT NULL,"
	" began_usec INTEGER NOT NULL, was_running INTEGER NOT NULL"
	") STRICT, WITHOUT ROWID;",
	"CREATE TABLE moves ("
	" name TEXT PRIMARY KEY, run INTEGER NOT NULL, from_version TEXT NOT NULL,"
	" to_version TEXT NOT NULL, state TEXT NOT NULL, copy TEXT NOT NULL,"
	" level INTEGER NOT NULL, began_usec INTEGER NOT NULL, moved_usec INTEGER NOT NULL,"
	" was_running INTEGER NOT NULL, reason TEXT NOT NULL"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE deferrals ("
	" name TEXT PRIMARY KEY, version TEXT NOT NULL, since_usec INTEGER NOT NULL,"
	" not_before_usec INTEGER NOT NULL, told_usec INTEGER NOT NULL, why TEXT NOT NULL"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE gates ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL, version TEXT NOT NULL,"
	" seed TEXT NOT NULL, at_usec INTEGER NOT NULL, outcome TEXT NOT NULL,"
	" failed_check TEXT NOT NULL, text TEXT NOT NULL, start_ms INTEGER NOT NULL,"
	" memory_kib INTEGER NOT NULL, from_level INTEGER NOT NULL, to_level INTEGER NOT NULL,"
	" total_ms INTEGER NOT NULL"
	") STRICT;",
	"CREATE TABLE watches ("
	" name TEXT PRIMARY KEY, fails INTEGER NOT NULL, started_usec INTEGER NOT NULL,"
	" first_fail_usec INTEGER NOT NULL,"
	" restart_1_usec INTEGER NOT NULL, restart_2_usec INTEGER NOT NULL,"
	" restart_3_usec INTEGER NOT NULL, alerted_usec INTEGER NOT NULL,"
	" stood_down_usec INTEGER NOT NULL"
	") STRICT, WITHOUT ROWID;",
	"ALTER TABLE restores ADD COLUMN version TEXT NOT NULL DEFAULT '';",
};

#define LEDGER_VERSION ((int)DV_COUNT(LEDGER_MIGRATIONS))
#define LOCK_RETRY_MS 5
#define NAME_BYTES 80
#define AGAIN_FULL "PRAGMA synchronous = FULL" /* after ledger_begin_results() */

static int run_script(struct ledger *ledger, const char *sql, const char *what,
		      struct dv_error *err)
{
	if (sqlite3_exec(ledger->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return sql_fail(ledger, err, what);
	return 0;
}

static int read_version(struct ledger *ledger, int *ret_version, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s = sql_prepare(ledger, "PRAGMA user_version", &r, err);

	if (!s)
		return r;
	if (sqlite3_step(s) != SQLITE_ROW)
		return sql_fail(ledger, err, "read its version");
	*ret_version = sqlite3_column_int(s, 0);
	return 0;
}

static int refuse_version(int version, struct dv_error *err)
{
	return dv_refuse(
		err, -EPROTO,
		"ledger /%s has schema %d and this devvm knows up to %d: install the devvm "
		"that wrote it",
		LEDGER_PATH, version, LEDGER_VERSION);
}

/* The version is read again under the write lock: two programs may start at once. */
static int migrate(struct ledger *ledger, struct dv_error *err)
{
	char set_version[64];
	int version = 0;
	int r = read_version(ledger, &version, err);

	if (r < 0)
		return r;
	if (version == LEDGER_VERSION)
		return 0;
	if (version > LEDGER_VERSION)
		return refuse_version(version, err);
	r = ledger_begin(ledger, err);
	if (r < 0)
		return r;
	r = read_version(ledger, &version, err);
	if (r == 0 && version > LEDGER_VERSION)
		r = refuse_version(version, err);
	for (; r == 0 && version < LEDGER_VERSION; version++)
		r = run_script(ledger, LEDGER_MIGRATIONS[version], "migrate", err);
	(void)snprintf(set_version, sizeof(set_version), "PRAGMA user_version = %d",
		       LEDGER_VERSION);
	if (r == 0)
		r = run_script(ledger, set_version, "set its version", err);
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

static int open_name(struct ledger *ledger, const char *name, int flags, int busy_ms,
		     struct dv_error *err)
{
	if (sqlite3_open_v2(name, &ledger->db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
		if (!ledger->db)
			return dv_refuse(err, -ENOMEM, "ledger /%s: out of memory", LEDGER_PATH);
		return sql_fail(ledger, err, "open");
	}
	(void)sqlite3_busy_timeout(ledger->db, busy_ms);
	(void)sqlite3_extended_result_codes(ledger->db, 1);
	return 0;
}

static int open_database(struct ledger *ledger, int folder_fd, int busy_ms, struct dv_error *err)
{
	char name[NAME_BYTES];
	int r = create_file(folder_fd, err);

	if (r < 0)
		return r;
	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d/ledger.db", folder_fd);
	return open_name(ledger, name, SQLITE_OPEN_READWRITE, busy_ms, err);
}

/* In WAL mode and of our version: nothing is left to set up. */
static bool is_set_up(struct ledger *ledger)
{
	int version = 0;
	int r;
	DV_AUTO_STMT sqlite3_stmt *s = sql_prepare(ledger, "PRAGMA journal_mode", &r, NULL);

	return s && sqlite3_step(s) == SQLITE_ROW &&
	       str_equal((const char *)sqlite3_column_text(s, 0), "wal") &&
	       read_version(ledger, &version, NULL) == 0 && version == LEDGER_VERSION;
}

static int set_up(struct ledger *ledger, struct dv_error *err)
{
	int r = run_script(ledger, "PRAGMA journal_mode = WAL", "set up", err);

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
		(void)sqlite3_close_v2(ledger->db); /* NULL is fine: sqlite3_close(3) */
		ledger->db = NULL;
		r = lock_folder(folder_fd, busy_ms, err);
		if (r == 0)
			r = open_database(ledger, folder_fd, busy_ms, err);
		if (r == 0)
			r = set_up(ledger, err);
	}
	/* FULL: a port that was handed out must still be the person's after a power cut. A
	 * reconcile that changes nothing commits nothing, so the sync is rare. */
	return r < 0 ? r
		     : run_script(ledger,
				  "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
				  "PRAGMA cache_size = -512;",
				  "set up", err);
}

/* ---- a copy in memory ----------------------------------------------------------------- */

static bool has_wal(int folder_fd)
{
	struct stat st;

	return fstatat(folder_fd, "ledger.db-wal", &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size > 0;
}

/* Beside a write-ahead log the database is read as any other reader does, which leaves its files
 * but the lock table (-shm) as they are, because closing checkpoints nothing. Without one nobody has
 * written since the last checkpoint, and "immutable" reads it without making any file:
 * https://www.sqlite.org/uri.html. */
static int open_source(struct ledger *source, int folder_fd, bool is_live, int busy_ms,
		       struct dv_error *err)
{
	char name[NAME_BYTES];
	int r;

	(void)snprintf(name, sizeof(name), "file:/proc/self/fd/%d/ledger.db%s", folder_fd,
		       is_live ? "" : "?immutable=1");
	r = open_name(source, name,
		      SQLITE_OPEN_URI | (is_live ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY),
		      busy_ms, err);
	if (r == 0)
		(void)sqlite3_db_config(source->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	return r;
}

static int copy_source(struct ledger *ledger, struct ledger *source, int busy_ms,
		       struct dv_error *err)
{
	int64_t deadline_ms = clock_deadline_ms(busy_ms);
	sqlite3_backup *backup = sqlite3_backup_init(ledger->db, "main", source->db, "main");
	int code;

	if (!backup)
		return sql_fail(ledger, err, "copy");
	while ((code = sqlite3_backup_step(backup, -1)) == SQLITE_BUSY &&
	       clock_left_ms(deadline_ms) > 0)
		(void)poll(NULL, 0, LOCK_RETRY_MS);
	(void)sqlite3_backup_finish(backup); /* its failure is that of the last step */
	if (code == SQLITE_DONE)
		return 0;
	return dv_refuse(err, sql_errno(code), "ledger /%s: copy: %s", LEDGER_PATH,
			 sqlite3_errstr(code));
}

static int take_copy(struct ledger *ledger, int folder_fd, int busy_ms, struct dv_error *err)
{
	bool is_live;
	int r;

	/* Whoever began to write meanwhile has made a log: then once more, beside it. */
	do {
		DV_AUTO_LEDGER struct ledger *source = calloc(1, sizeof(*source));

		is_live = has_wal(folder_fd);
		if (!source)
			return dv_fail(err, -ENOMEM, "open the ledger");
		r = open_source(source, folder_fd, is_live, busy_ms, err);
		if (r == 0)
			r = copy_source(ledger, source, busy_ms, err);
	} while (r == 0 && !is_live && has_wal(folder_fd));
	return r;
}

static int open_scratch(struct ledger *ledger, const struct env *env, int busy_ms,
			struct dv_error *err)
{
	DV_AUTO_CLOSE int folder_fd =
		openat(env->root_dirfd, LEDGER_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = open_name(ledger, ":memory:", SQLITE_OPEN_READWRITE, 0, err);

	if (r < 0)
		return r;
	if (folder_fd >= 0 && faccessat(folder_fd, "ledger.db", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		r = take_copy(ledger, folder_fd, busy_ms, err);
	else if (errno != ENOENT)
		r = dv_fail(err, -errno, "open /%s", LEDGER_PATH);
	if (r == 0)
		r = migrate(ledger, err);
	return r < 0 ? r : run_script(ledger, "PRAGMA foreign_keys = ON", "set up", err);
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
	(void)sqlite3_close_v2(ledger->db); /* statements are finalised in their functions */
	free(ledger);
}

void ledger_closep(struct ledger **ledger)
{
	ledger_close(*ledger);
	*ledger = NULL;
}

int ledger_begin(struct ledger *ledger, struct dv_error *err)
{
	return run_script(ledger, "BEGIN IMMEDIATE", "begin", err);
}

int ledger_begin_results(struct ledger *ledger, struct dv_error *err)
{
	int r = run_script(ledger, "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE", "begin", err);

	if (r < 0)
		DV_IGNORE(run_script(ledger, AGAIN_FULL, "begin", NULL)); /* r is to be told */
	return r;
}

int ledger_commit(struct ledger *ledger, struct dv_error *err)
{
	return run_script(ledger, "COMMIT; " AGAIN_FULL, "commit", err);
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
