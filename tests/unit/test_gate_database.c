/* test_gate_database.c - databases are copied, looked at and filled as they are, and compared as the rules say. */
#include "scratch.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include "gate/database.h"

struct place {
	char base_dir[200];
	char path[256];
	struct database_place is;
};

static void at(struct scratch *scratch, const char *name, struct place *ret_place)
{
	(void)snprintf(ret_place->base_dir, sizeof(ret_place->base_dir), "%s/%s", scratch->folder,
		       name);
	(void)snprintf(ret_place->path, sizeof(ret_place->path), "%s/userdata/state.sqlite",
		       ret_place->base_dir);
	ret_place->is = (struct database_place){ .base_dir = ret_place->base_dir, .seed_fd = -1 };
}

static void sql(const char *path, const char *text)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", text, sqlite3_errmsg(db));
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

#define SCHEMA                                                                                     \
	"PRAGMA journal_mode = WAL;"                                                               \
	"CREATE TABLE effect_sql_migrations (migration_id INTEGER PRIMARY KEY, name TEXT);"        \
	"INSERT INTO effect_sql_migrations VALUES (1, 'a'), (30, 'b');"                            \
	"CREATE TABLE projection_thread_sessions (thread_id TEXT PRIMARY KEY, status TEXT NOT "    \
	"NULL, provider TEXT, tries INTEGER NOT NULL, updated_at TEXT NOT NULL);"

static int64_t rows_of(const struct database_facts *facts, const char *name)
{
	for (size_t i = 0; i < facts->n_tables; i++) {
		if (strcmp(facts->tables[i].name, name) == 0)
			return facts->tables[i].n_rows;
	}
	return -1;
}

static void a_seed_is_copied_and_stays(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_CLOSE int fd = -1;
	struct place from, to;
	struct database_facts facts;
	struct stat st;

	at(scratch, "from", &from);
	at(scratch, "to", &to);
	assert_ok(scratch, database_copy(NULL, &from.is, &scratch->err));
	sql(from.path,
	    SCHEMA "INSERT INTO projection_thread_sessions VALUES ('x', 'idle', NULL, 1, 'now');");
	fd = open(from.path, O_RDONLY | O_CLOEXEC);
	to.is.seed_fd = fd;
	assert_ok(scratch, database_copy(NULL, &to.is, &scratch->err));
	assert_int_equal(stat(to.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(to.base_dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	sql(to.path, "DELETE FROM projection_thread_sessions");
	assert_ok(scratch, database_look(&facts, &from.is, &scratch->err));
	assert_int_equal(facts.level, 30);
	assert_int_equal(facts.n_tables, 2);
	assert_int_equal(rows_of(&facts, "projection_thread_sessions"), 1);
	assert_ok(scratch, database_look(&facts, &to.is, &scratch->err));
	assert_int_equal(rows_of(&facts, "projection_thread_sessions"), 0);
	/* A copy never goes over one that is there. */
	assert_int_equal(database_copy(NULL, &to.is, &scratch->err), -EEXIST);
}

static void what_is_no_database_is_told(void **state)
{
	struct scratch *scratch = *state;
	struct place place;
	struct database_facts facts;

	at(scratch, "none", &place);
	assert_int_equal(database_look(&facts, &place.is, &scratch->err), -EBADMSG);
	assert_ok(scratch, database_copy(NULL, &place.is, &scratch->err));
	scratch_write(scratch, "none/userdata/state.sqlite",
		      "this is no database, and long enough for a header of one: it has a hundred "
		      "bytes and some more",
		      0600);
	assert_int_equal(database_look(&facts, &place.is, &scratch->err), -EBADMSG);
	at(scratch, "empty", &place);
	assert_ok(scratch, database_copy(NULL, &place.is, &scratch->err));
	sql(place.path, "CREATE TABLE other (a)");
	assert_int_equal(database_look(&facts, &place.is, &scratch->err), -EBADMSG);
	assert_non_null(strstr(scratch->err.text, "effect_sql_migrations"));
}

static void rows_are_made_and_taken_out_again(void **state)
{
	struct scratch *scratch = *state;
	struct place place;
	struct database_facts facts;

	at(scratch, "fill", &place);
	assert_ok(scratch, database_copy(NULL, &place.is, &scratch->err));
	sql(place.path,
	    SCHEMA "INSERT INTO projection_thread_sessions VALUES ('x', 'idle', NULL, 1, 'now');");
	assert_ok(scratch, database_fill(NULL, &place.is, &scratch->err));
	assert_ok(scratch, database_look(&facts, &place.is, &scratch->err));
	assert_int_equal(rows_of(&facts, "projection_thread_sessions"), 51);
	assert_ok(scratch, database_unfill(NULL, &place.is, &scratch->err));
	assert_ok(scratch, database_look(&facts, &place.is, &scratch->err));
	assert_int_equal(rows_of(&facts, "projection_thread_sessions"), 1);
}

static void a_migration_is_compared(void **state DV_UNUSED)
{
	const struct database_facts before = { .level = 30,
					       .n_tables = 3,
					       .tables = { { "auth_sessions", 5 },
							   { "projection_threads", 5 },
							   { "projection_none", 0 } } };
	static const struct {
		const char *what;
		struct database_facts after;
		const char *why; /* NULL: it may be */
	} rows[] = {
		{ "all there",
		  { 32, 2, { { "auth_sessions", 5 }, { "projection_threads", 5 } } },
		  NULL },
		{ "logged out",
		  { 32, 2, { { "auth_sessions", 0 }, { "projection_threads", 5 } } },
		  NULL },
		{ "fewer", { 32, 1, { { "projection_threads", 1 } } }, NULL },
		{ "a table is gone", { 32, 0, { { "", 0 } } }, NULL },
		{ "empty before", { 30, 1, { { "projection_none", 0 } } }, NULL },
		{ "lost",
		  { 32, 1, { { "projection_threads", 0 } } },
		  "had 5 rows, and none is left" },
		{ "fell", { 29, 1, { { "projection_threads", 5 } } }, "fell from 30 to 29" },
	};

	for (size_t i = 0; i < DV_COUNT(rows); i++) {
		struct dv_error err = { "" };
		int r = database_compare(&before, &rows[i].after, &err);

		if ((r < 0) != (rows[i].why != NULL))
			fail_msg("%s: %d, %s", rows[i].what, r, err.text);
		if (rows[i].why)
			assert_non_null(strstr(err.text, rows[i].why));
	}
}

/* Whoever took over the process that reads a database says what it likes. */
static void a_name_without_an_end_is_not_read_beyond_it(void **state DV_UNUSED)
{
	struct database_facts before = { .level = 30, .n_tables = 1 }, after = before;
	char *name = before.tables[0].name;
	struct dv_error err = { "" };

	memset(name, 'x', sizeof(before.tables[0].name));
	for (const char *at = "projection_"; *at; at++)
		*name++ = *at;
	before.tables[0].n_rows = INT64_C(0x4141414141414141);
	after.tables[0] = before.tables[0];
	after.tables[0].n_rows = 0;
	assert_int_equal(database_compare(&before, &after, &err), -EBADMSG);
	assert_null(strstr(err.text, "AAAA"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_seed_is_copied_and_stays, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(what_is_no_database_is_told, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(rows_are_made_and_taken_out_again, scratch_setup,
						scratch_teardown),
		cmocka_unit_test(a_migration_is_compared),
		cmocka_unit_test(a_name_without_an_end_is_not_read_beyond_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
