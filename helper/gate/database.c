/* database.c - see database.h. */
#include "gate/database.h"

#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/str.h"
#include "t3/state.h"

#define PATH_BYTES 256
#define CHUNK_BYTES (1 << 20)
#define BUSY_MS 5000
#define ROWS_MADE 50
#define PROJECTION "projection_"
#define SQL_BYTES 4096

/* Tables whose columns are filled from their names and types. */
static const struct {
	const char *table, *key;
} FILLED[] = { { "projection_thread_sessions", "thread_id" } };

static void path_of(const struct database_place *place, const char *below,
		    char ret_path[static PATH_BYTES])
{
	(void)snprintf(ret_path, PATH_BYTES, "%s%s", place->base_dir, below);
}

static int copy_bytes(int from_fd, int to_fd)
{
	char *chunk = malloc(CHUNK_BYTES);
	off_t at = 0;
	ssize_t n = 0;
	int r = chunk ? 0 : -ENOMEM;

	while (r == 0 && (n = pread(from_fd, chunk, CHUNK_BYTES, at)) > 0) {
		for (ssize_t done = 0; r == 0 && done < n;) {
			ssize_t n_written = write(to_fd, chunk + done, (size_t)(n - done));

			if (n_written < 0)
				r = -errno;
			else
				done += n_written;
		}
		at += n;
	}
	if (r == 0 && n < 0)
		r = -errno;
	free(chunk);
	return r;
}

int database_copy(void *unused DV_UNUSED, const void *input, struct dv_error *err)
{
	const struct database_place *place = input;
	DV_AUTO_CLOSE int fd = -1;
	char path[PATH_BYTES];
	struct stat st;
	int r;

	(void)umask(0077);
	path_of(place, "/userdata", path);
	if ((mkdir(place->base_dir, 0700) < 0 && errno != EEXIST) ||
	    (mkdir(path, 0700) < 0 && errno != EEXIST))
		return dv_fail(err, -errno, "create %s", path);
	if (place->seed_fd < 0 || fstat(place->seed_fd, &st) < 0 || st.st_size == 0)
		return 0;
	path_of(place, "/userdata/state.sqlite", path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return dv_fail(err, -errno, "create %s", path);
	r = copy_bytes(place->seed_fd, fd);
	return r < 0 ? dv_fail(err, r, "copy the database") : 0;
}

/* Here it is all one: the database is not fit. */
static int unfit(int r)
{
	return r < 0 ? -EBADMSG : 0;
}

static int open_database(const struct database_place *place, sqlite3 **ret_db, struct dv_error *err)
{
	char path[PATH_BYTES];

	path_of(place, "/userdata/state.sqlite", path);
	return unfit(state_open(path, STATE_TO_CHANGE, BUSY_MS, NULL, ret_db, err));
}

static int broken(sqlite3 *db, struct dv_error *err)
{
	return dv_refuse(err, -EBADMSG, "read the database: %s", sqlite3_errmsg(db));
}

/* Those that there is no room for are not counted. */
static int on_table(void *context, const char *name, int64_t n_rows, struct dv_error *err DV_UNUSED)
{
	struct database_facts *facts = context;
	struct database_table *table = &facts->tables[facts->n_tables];

	if (facts->n_tables >= DATABASE_TABLES_MAX || strlen(name) >= sizeof(table->name))
		return 0;
	(void)snprintf(table->name, sizeof(table->name), "%s", name);
	table->n_rows = n_rows;
	facts->n_tables++;
	return 0;
}

int database_look(void *shared, const void *input, struct dv_error *err)
{
	DV_AUTO_STATE sqlite3 *db = NULL;
	struct database_facts *facts = shared;
	bool has_migrations = false;
	int64_t level = 0;
	int r = open_database(input, &db, err);

	*facts = (struct database_facts){ 0 };
	if (r == 0)
		r = state_check(db, true, err);
	if (r == 0)
		r = state_count_tables(db, on_table, facts, err);
	if (r == 0)
		r = state_has_table(db, "effect_sql_migrations", &has_migrations, err);
	if (r == 0 && !has_migrations)
		r = dv_refuse(err, -EBADMSG, "it has no table effect_sql_migrations");
	if (r == 0)
		r = state_read_level(db, &level, err);
	if (r == 0)
		facts->level = level > 0 && level < UINT32_MAX ? (uint32_t)level : 0;
	return unfit(r);
}

/* An expression for a column that fits its name and type; n counts the rows. */
static const char *value_for(const char *name, const char *type, bool may_be_null)
{
	size_t n = strlen(name);

	if (n > 3 && strcmp(name + n - 3, "_at") == 0)
		return "'2026-01-01T00:00:00.000Z'";
	if (strcmp(name, "status") == 0)
		return "'idle'";
	if (may_be_null)
		return "NULL";
	if (strcasestr(type, "int") || strcasestr(type, "real"))
		return "n";
	return strstr(name, "json") ? "'{}'" : "'gate-' || n";
}

static int fill_table(sqlite3 *db, const char *table, struct dv_error *err)
{
	DV_AUTO_STATEMENT sqlite3_stmt *columns = NULL;
	char names[SQL_BYTES / 4] = "", values[SQL_BYTES / 4] = "";
	char sql[SQL_BYTES];

	if (sqlite3_prepare_v2(db, "SELECT name, type, \"notnull\", pk FROM pragma_table_info(?)",
			       -1, &columns, NULL) != SQLITE_OK ||
	    sqlite3_bind_text(columns, 1, table, -1, SQLITE_STATIC) != SQLITE_OK)
		return broken(db, err);
	while (sqlite3_step(columns) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(columns, 0);
		const char *type = (const char *)sqlite3_column_text(columns, 1);
		bool may_be_null =
			!sqlite3_column_int(columns, 2) && !sqlite3_column_int(columns, 3);
		size_t at = strlen(names), value_at = strlen(values);

		(void)snprintf(names + at, sizeof(names) - at, "%s\"%s\"", at ? "," : "", name);
		(void)snprintf(values + value_at, sizeof(values) - value_at, "%s%s",
			       value_at ? "," : "", value_for(name, type, may_be_null));
	}
	if (!*names)
		return 0; /* no such table in this version */
	(void)snprintf(sql, sizeof(sql),
		       "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < "
		       "%d) INSERT OR IGNORE INTO \"%s\" (%s) SELECT %s FROM c",
		       ROWS_MADE, table, names, values);
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : broken(db, err);
}

int database_fill(void *unused DV_UNUSED, const void *input, struct dv_error *err)
{
	DV_AUTO_STATE sqlite3 *db = NULL;
	int r = open_database(input, &db, err);

	for (size_t i = 0; r == 0 && i < DV_COUNT(FILLED); i++)
		r = fill_table(db, FILLED[i].table, err);
	return r;
}

int database_unfill(void *unused DV_UNUSED, const void *input, struct dv_error *err)
{
	DV_AUTO_STATE sqlite3 *db = NULL;
	int r = open_database(input, &db, err);

	for (size_t i = 0; r == 0 && i < DV_COUNT(FILLED); i++) {
		char sql[128];

		(void)snprintf(sql, sizeof(sql), "DELETE FROM \"%s\" WHERE \"%s\" LIKE 'gate-%%'",
			       FILLED[i].table, FILLED[i].key);
		if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
			r = broken(db, err);
	}
	return r;
}

/* A process that reads a build's database has filled them in: no name is sure to end. */
static const struct database_table *find_table(const struct database_facts *facts, const char *name)
{
	for (size_t i = 0; i < facts->n_tables && i < DATABASE_TABLES_MAX; i++) {
		if (strncmp(facts->tables[i].name, name, sizeof(facts->tables[i].name)) == 0)
			return &facts->tables[i];
	}
	return NULL;
}

int database_compare(const struct database_facts *before, const struct database_facts *after,
		     struct dv_error *err)
{
	if (after->level < before->level)
		return dv_refuse(err, -EBADMSG, "the migration level fell from %u to %u",
				 before->level, after->level);
	for (size_t i = 0; i < before->n_tables && i < DATABASE_TABLES_MAX; i++) {
		const struct database_table *table = &before->tables[i];
		const struct database_table *now = find_table(after, table->name);

		/* One that is gone was renamed or merged, which only its build can judge. */
		if (str_starts_with(table->name, PROJECTION) && table->n_rows > 0 && now &&
		    now->n_rows == 0)
			return dv_refuse(err, -EBADMSG, "%.*s had %lld rows, and none is left",
					 (int)sizeof(table->name) - 1, table->name,
					 (long long)table->n_rows);
	}
	return 0;
}
