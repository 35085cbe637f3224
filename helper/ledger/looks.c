/* looks.c - see looks.h. */
#include "ledger/looks.h"

#include <string.h>

#include "ledger/sql.h"

void looks_done(struct looks *looks)
{
	for (size_t i = 0; i < looks->n_rows; i++)
		free(looks->rows[i].name);
	free(looks->rows);
	*looks = (struct looks){ 0 };
}

static int add_row(struct looks *looks, sqlite3_stmt *s)
{
	bool failed = false;
	struct looks_row *grown = reallocarray(looks->rows, looks->n_rows + 1, sizeof(*grown));
	char *name = sql_copy_text(s, 0, &failed);

	if (grown)
		looks->rows = grown;
	if (!grown || !name) {
		free(name);
		return -ENOMEM;
	}
	grown[looks->n_rows++] = (struct looks_row){ .name = name,
						     .idle_since_usec = sqlite3_column_int64(s, 1),
						     .agent_ticks = sqlite3_column_int64(s, 2),
						     .agent_start = sqlite3_column_int64(s, 3) };
	return 0;
}

int looks_list(struct ledger *ledger, struct looks *ret_looks, struct dv_error *err)
{
	DV_AUTO_LOOKS struct looks looks = { 0 };
	int r, code;
	DV_AUTO_STMT sqlite3_stmt *s = sql_prepare(
		ledger,
		"SELECT name, idle_since_usec, agent_ticks, agent_start FROM looks ORDER BY name",
		&r, err);

	if (!s)
		return r;
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		if (add_row(&looks, s) < 0)
			return dv_fail(err, -ENOMEM, "read the ledger");
	}
	if (code != SQLITE_DONE)
		return sql_fail(ledger, err, "read the looks");
	*ret_looks = looks;
	looks = (struct looks){ 0 }; /* handed over */
	return 0;
}

static int compare(const void *key, const void *row)
{
	return strcmp(key, ((const struct looks_row *)row)->name);
}

const struct looks_row *looks_find(const struct looks *looks, const char *name)
{
	if (looks->n_rows == 0)
		return NULL;
	return bsearch(name, looks->rows, looks->n_rows, sizeof(*looks->rows), compare);
}

int looks_put(struct ledger *ledger, const struct looks_row *row, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    "INSERT INTO looks (name, idle_since_usec, agent_ticks, agent_start)"
			    " VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name) DO UPDATE SET"
			    " idle_since_usec = ?2, agent_ticks = ?3, agent_start = ?4",
			    &r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, row->name);
	(void)sqlite3_bind_int64(s, 2, row->idle_since_usec); /* fails only out of range */
	(void)sqlite3_bind_int64(s, 3, row->agent_ticks);
	(void)sqlite3_bind_int64(s, 4, row->agent_start);
	return sql_run(ledger, s, "write a look", err);
}

int looks_forget(struct ledger *ledger, const char *name, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger, "DELETE FROM looks WHERE name = ?1", &r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, name);
	return sql_run(ledger, s, "forget a look", err);
}
