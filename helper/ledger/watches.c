/* watches.c - see watches.h. */
#include "ledger/watches.h"

#include <string.h>

#include "ledger/sql.h"

#define COLUMNS                                                                                    \
	"name, fails, first_fail_usec, restart_1_usec, restart_2_usec, restart_3_usec,"            \
	" alerted_usec, stood_down_usec, started_usec"

_Static_assert(WATCHES_MAX_RESTARTS == 3, "each has a column");

void watches_done(struct watches *watches)
{
	free(watches->rows);
	*watches = (struct watches){ 0 };
}

static int add_row(struct watches *watches, sqlite3_stmt *s)
{
	struct watch_row *rows = reallocarray(watches->rows, watches->n_rows + 1, sizeof(*rows));
	const char *name = (const char *)sqlite3_column_text(s, 0);
	struct watch_row *row;

	if (!rows)
		return -ENOMEM;
	watches->rows = rows;
	row = &rows[watches->n_rows++];
	*row = (struct watch_row){ .n_fails = sqlite3_column_int64(s, 1),
				   .first_fail_usec = sqlite3_column_int64(s, 2),
				   .alerted_usec = sqlite3_column_int64(s, 6),
				   .stood_down_usec = sqlite3_column_int64(s, 7),
				   .started_usec = sqlite3_column_int64(s, 8) };
	for (int i = 0; i < WATCHES_MAX_RESTARTS; i++)
		row->restart_usec[i] = sqlite3_column_int64(s, 3 + i);
	(void)snprintf(row->name, sizeof(row->name), "%s", name ? name : "");
	return 0;
}

int watches_list(struct ledger *ledger, struct watches *ret_watches, struct dv_error *err)
{
	DV_AUTO_WATCHES struct watches watches = { 0 };
	int r, code;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger, "SELECT " COLUMNS " FROM watches ORDER BY name", &r, err);

	if (!s)
		return r;
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		if (add_row(&watches, s) < 0)
			return dv_fail(err, -ENOMEM, "read the watches of the ledger");
	}
	if (code != SQLITE_DONE)
		return sql_fail(ledger, err, "read the watches");
	*ret_watches = watches;
	watches = (struct watches){ 0 }; /* handed over */
	return 0;
}

static int compare(const void *key, const void *row)
{
	return strcmp(key, ((const struct watch_row *)row)->name);
}

const struct watch_row *watches_find(const struct watches *watches, const char *name)
{
	if (watches->n_rows == 0)
		return NULL;
	return bsearch(name, watches->rows, watches->n_rows, sizeof(*watches->rows), compare);
}

int watches_put(struct ledger *ledger, const struct watch_row *row, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s = sql_prepare(ledger,
						   "INSERT OR REPLACE INTO watches (" COLUMNS ")"
						   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
						   &r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, row->name);
	(void)sqlite3_bind_int64(s, 2, row->n_fails); /* fails only out of range */
	(void)sqlite3_bind_int64(s, 3, row->first_fail_usec);
	for (int i = 0; i < WATCHES_MAX_RESTARTS; i++)
		(void)sqlite3_bind_int64(s, 4 + i, row->restart_usec[i]);
	(void)sqlite3_bind_int64(s, 7, row->alerted_usec);
	(void)sqlite3_bind_int64(s, 8, row->stood_down_usec);
	(void)sqlite3_bind_int64(s, 9, row->started_usec);
	return sql_run(ledger, s, "write a watch", err);
}

int watches_forget(struct ledger *ledger, const char *name, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger, "DELETE FROM watches WHERE name = ?1", &r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, name);
	return sql_run(ledger, s, "forget a watch", err);
}
