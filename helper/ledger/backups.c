/* backups.c - see backups.h. */
#include "ledger/backups.h"

#include <string.h>
#include <time.h>

#include "ledger/sql.h"

static void row_done(struct backups_row *row)
{
	free(row->name);
	free(row->reason);
	free(row->sha256);
	free(row->rows);
	free(row->needed_by);
	free(row->error);
}

void backups_done(struct backups *backups)
{
	for (size_t i = 0; i < backups->n_rows; i++)
		row_done(&backups->rows[i]);
	free(backups->rows);
	*backups = (struct backups){ 0 };
}

bool backups_is_id(const char *text)
{
	return strlen(text) == BACKUPS_ID_BYTES - 1 && text[8] == '-' &&
	       strspn(text, "0123456789") == 8 && strspn(text + 9, "0123456789") == 6;
}

static int add_row(struct backups *backups, sqlite3_stmt *s)
{
	struct backups_row *rows = reallocarray(backups->rows, backups->n_rows + 1, sizeof(*rows));
	struct backups_row *row;
	const char *id;
	bool failed = false;

	if (!rows)
		return -ENOMEM;
	backups->rows = rows;
	row = &rows[backups->n_rows++];
	*row = (struct backups_row){
		.name = sql_copy_text(s, 0, &failed),
		.reason = sql_copy_text(s, 2, &failed),
		.is_ok = sqlite3_column_int(s, 3) == 1,
		.took_ms = sqlite3_column_int64(s, 4),
		.bytes = sqlite3_column_int64(s, 5),
		.level = sqlite3_column_int64(s, 6),
		.sha256 = sql_copy_text(s, 7, &failed),
		.rows = sql_copy_text(s, 8, &failed),
		.needed_by = sql_copy_text(s, 9, &failed),
		.error = sql_copy_text(s, 10, &failed),
	};
	id = (const char *)sqlite3_column_text(s, 1);
	(void)snprintf(row->id, sizeof(row->id), "%s", id ? id : "");
	sql_put_text(s, 11, row->version, sizeof(row->version));
	return failed ? -ENOMEM : 0;
}

int backups_list(struct ledger *ledger, const char *name, struct backups *ret_backups,
		 struct dv_error *err)
{
	DV_AUTO_BACKUPS struct backups backups = { 0 };
	int code, r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    "SELECT name, id, reason, is_ok, took_ms, bytes, level, sha256, rows,"
			    " needed_by, error, version FROM backups WHERE ?1 IS NULL OR name = ?1"
			    " ORDER BY name, id DESC",
			    &r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, name);
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		if (add_row(&backups, s) < 0)
			return dv_fail(err, -ENOMEM, "read the backups of the ledger");
	}
	if (code != SQLITE_DONE)
		return sql_fail(ledger, err, "read the backups");
	*ret_backups = backups;
	backups = (struct backups){ 0 }; /* handed over */
	return 0;
}

const struct backups_row *backups_find(const struct backups *backups, const char *id)
{
	for (size_t i = 0; i < backups->n_rows; i++) {
		if (str_equal(backups->rows[i].id, id))
			return &backups->rows[i];
	}
	return NULL;
}

void backups_choose(const struct backups *backups, unsigned int keep, bool *ret_forget)
{
	unsigned int n_ok = 0;

	if (keep == 0)
		keep = 1;
	for (size_t i = 0; i < backups->n_rows; i++) {
		const struct backups_row *row = &backups->rows[i];

		ret_forget[i] = row->is_ok ? n_ok >= keep && !row->needed_by : n_ok > 0;
		n_ok += row->is_ok;
	}
}

int backups_add(struct ledger *ledger, const struct backups_row *row, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s = sql_prepare(
		ledger,
		"INSERT OR REPLACE INTO backups (name, id, reason, sha256, rows, needed_by, error,"
		" is_ok, took_ms, bytes, level, version)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
		&r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, row->name);
	sql_bind_text(s, 2, row->id);
	sql_bind_text(s, 3, row->reason);
	sql_bind_text(s, 4, row->sha256);
	sql_bind_text(s, 5, row->rows);
	sql_bind_text(s, 6, row->needed_by);
	sql_bind_text(s, 7, row->error);
	(void)sqlite3_bind_int(s, 8, row->is_ok);
	(void)sqlite3_bind_int64(s, 9, row->took_ms);
	(void)sqlite3_bind_int64(s, 10, row->bytes);
	(void)sqlite3_bind_int64(s, 11, row->level);
	sql_bind_text(s, 12, row->version);
	return sql_run(ledger, s, "note a backup", err);
}

int backups_remove(struct ledger *ledger, const char *name, const char *id, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger, "DELETE FROM backups WHERE name = ?1 AND id = ?2", &r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, name);
	sql_bind_text(s, 2, id);
	return sql_run(ledger, s, "forget a backup", err);
}

int backups_let_go(struct ledger *ledger, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    "UPDATE backups SET needed_by = NULL WHERE needed_by IS NOT NULL", &r,
			    err);

	return s ? sql_run(ledger, s, "let go of a run's backups", err) : r;
}

int backups_need(struct ledger *ledger, const char *name, const char *id, int64_t run,
		 struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    "UPDATE backups SET needed_by = CAST(?3 AS TEXT) WHERE name = ?1"
			    " AND id = ?2",
			    &r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, name);
	sql_bind_text(s, 2, id);
	(void)sqlite3_bind_int64(s, 3, run);
	return sql_run(ledger, s, "keep a backup for a run", err);
}

bool backups_time(const char *id, int64_t *ret_usec)
{
	struct tm tm = { 0 };
	const char *rest = backups_is_id(id) ? strptime(id, "%Y%m%d-%H%M%S", &tm) : NULL;

	if (!rest || *rest)
		return false;
	*ret_usec = (int64_t)timegm(&tm) * 1000000;
	return true;
}

/* The rows come newest first. */
void backups_next_id(const struct backups *backups, int64_t now_usec,
		     char ret_id[static BACKUPS_ID_BYTES])
{
	time_t seconds = (time_t)(now_usec / 1000000);
	int64_t newest_usec = 0;
	struct tm utc;

	if (backups->n_rows > 0 && backups_time(backups->rows[0].id, &newest_usec) &&
	    seconds <= (time_t)(newest_usec / 1000000))
		seconds = (time_t)(newest_usec / 1000000) + 1;
	if (!gmtime_r(&seconds, &utc) ||
	    strftime(ret_id, BACKUPS_ID_BYTES, "%Y%m%d-%H%M%S", &utc) != BACKUPS_ID_BYTES - 1)
		(void)snprintf(ret_id, BACKUPS_ID_BYTES, "00000000-000000");
}

void backups_path(const char *name, const char *id, char ret_path[static BACKUPS_PATH_BYTES])
{
	(void)snprintf(ret_path, BACKUPS_PATH_BYTES, BACKUPS_FOLDER "/%s/state-%s.sqlite", name,
		       id);
}
