/* deferrals.c - see deferrals.h. */
#include "ledger/deferrals.h"

#include <string.h>

#include "ledger/sql.h"

#define DAY_USEC (24 * 3600 * INT64_C(1000000))
#define COLUMNS "name, version, since_usec, not_before_usec, told_usec, why"

void deferrals_done(struct deferrals *deferrals)
{
	free(deferrals->rows);
	*deferrals = (struct deferrals){ 0 };
}

const struct deferral *deferrals_find(const struct deferrals *deferrals, const char *name)
{
	for (size_t i = 0; i < deferrals->n_rows; i++) {
		if (strcmp(deferrals->rows[i].name, name) == 0)
			return &deferrals->rows[i];
	}
	return NULL;
}

bool deferrals_is_overdue(const struct deferral *deferral, unsigned int max_days, int64_t now_usec)
{
	return max_days > 0 && *deferral->version && deferral->since_usec > 0 &&
	       now_usec - deferral->since_usec > max_days * DAY_USEC;
}

static void take_row(sqlite3_stmt *s, struct deferral *row)
{
	*row = (struct deferral){ .since_usec = sqlite3_column_int64(s, 2),
				  .not_before_usec = sqlite3_column_int64(s, 3),
				  .told_usec = sqlite3_column_int64(s, 4) };
	sql_put_text(s, 0, row->name, sizeof(row->name));
	sql_put_text(s, 1, row->version, sizeof(row->version));
	sql_put_text(s, 5, row->why, sizeof(row->why));
}

static int add_row(struct deferrals *deferrals, sqlite3_stmt *s)
{
	struct deferral *rows = reallocarray(deferrals->rows, deferrals->n_rows + 1, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	deferrals->rows = rows;
	take_row(s, &rows[deferrals->n_rows++]);
	return 0;
}

int deferrals_get(struct ledger *ledger, const char *name, struct deferral *ret_deferral,
		  struct dv_error *err)
{
	struct deferral deferral = { .name = "" };
	int code, r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger, "SELECT " COLUMNS " FROM deferrals WHERE name = ?1", &r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, name);
	code = sqlite3_step(s);
	if (code == SQLITE_ROW)
		take_row(s, &deferral);
	else if (code != SQLITE_DONE)
		return sql_fail(ledger, err, "read whether somebody waits for an update");
	*ret_deferral = deferral;
	return 0;
}

int deferrals_list(struct ledger *ledger, struct deferrals *ret_deferrals, struct dv_error *err)
{
	DV_AUTO_DEFERRALS struct deferrals deferrals = { 0 };
	int code, r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger, "SELECT " COLUMNS " FROM deferrals ORDER BY name", &r, err);

	if (!s)
		return r;
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		if (add_row(&deferrals, s) < 0)
			return dv_fail(err, -ENOMEM, "read who waits for an update");
	}
	if (code != SQLITE_DONE)
		return sql_fail(ledger, err, "read who waits for an update");
	*ret_deferrals = deferrals;
	deferrals = (struct deferrals){ 0 }; /* handed over */
	return 0;
}

int deferrals_put(struct ledger *ledger, const char *name, const char *version, int64_t since_usec,
		  const char *why, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    "INSERT INTO deferrals (" COLUMNS ") VALUES (?1, ?2, ?3, 0, 0, ?4)"
			    " ON CONFLICT (name) DO UPDATE SET version = ?2, why = ?4,"
			    " since_usec = CASE since_usec WHEN 0 THEN ?3 ELSE since_usec END",
			    &r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, name);
	sql_bind_text(s, 2, version);
	(void)sqlite3_bind_int64(s, 3, since_usec);
	sql_bind_text(s, 4, why);
	return sql_run(ledger, s, "note that somebody waits for an update", err);
}

int deferrals_set_not_before(struct ledger *ledger, const char *name, int64_t at_usec,
			     struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    "INSERT INTO deferrals (" COLUMNS ") VALUES (?1, '', 0, ?2, 0, '')"
			    " ON CONFLICT (name) DO UPDATE SET not_before_usec = ?2",
			    &r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, name);
	(void)sqlite3_bind_int64(s, 2, at_usec);
	return sql_run(ledger, s, "note when somebody may be updated", err);
}

int deferrals_set_told(struct ledger *ledger, const char *name, int64_t at_usec,
		       struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger, "UPDATE deferrals SET told_usec = ?2 WHERE name = ?1", &r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, name);
	(void)sqlite3_bind_int64(s, 2, at_usec);
	return sql_run(ledger, s, "note that somebody was told", err);
}

static int run_on(struct ledger *ledger, const char *text, const char *name, int64_t now_usec,
		  struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s = sql_prepare(ledger, text, &r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, name);
	(void)sqlite3_bind_int64(s, 2, now_usec);
	return sql_run(ledger, s, "note that somebody waits no more", err);
}

/* Killed between the two, the row asks for what is over, which is the same as none. */
int deferrals_end(struct ledger *ledger, const char *name, int64_t now_usec, struct dv_error *err)
{
	int r = run_on(ledger,
		       "UPDATE deferrals SET version = '', since_usec = 0, told_usec = 0, why = ''"
		       " WHERE name = ?1 AND not_before_usec > ?2",
		       name, now_usec, err);

	return r < 0 ? r
		     : run_on(ledger,
			      "DELETE FROM deferrals WHERE name = ?1 AND not_before_usec <= ?2",
			      name, now_usec, err);
}
