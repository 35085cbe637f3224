/* copy.c - see copy.h. */
#include "ledger/copy.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "ledger/sql.h"

#define RETRY_MS 5
#define NAME_BYTES 80

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
	r = sql_open(source, name,
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
		(void)poll(NULL, 0, RETRY_MS);
	(void)sqlite3_backup_finish(backup); /* its failure is that of the last step */
	if (code == SQLITE_DONE)
		return 0;
	return dv_refuse(err, sql_errno(code), "ledger /%s: copy: %s", LEDGER_PATH,
			 sqlite3_errstr(code));
}

int copy_fill(struct ledger *ledger, int folder_fd, int busy_ms, struct dv_error *err)
{
	bool is_live;
	int r;

	/* Whoever began to write meanwhile has made a log: then once more, beside it. */
	do {
		DV_CLEANUP(sql_close) struct ledger source = { 0 };

		is_live = has_wal(folder_fd);
		r = open_source(&source, folder_fd, is_live, busy_ms, err);
		if (r == 0)
			r = copy_source(ledger, &source, busy_ms, err);
	} while (r == 0 && !is_live && has_wal(folder_fd));
	return r;
}
