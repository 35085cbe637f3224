/* test_state.c - a t3 database is opened, checked and counted, whatever its owner has put there. */
#include "scratch.h"

#include "base/clock.h"
#include "t3/state.h"

static char *path_of(struct scratch *scratch)
{
	char *path = NULL;

	assert_true(asprintf(&path, "%s/state.sqlite", scratch->folder) > 0);
	return path;
}

static void make(struct scratch *scratch, const char *sql)
{
	DV_AUTO_FREE char *path = path_of(scratch);
	DV_AUTO_STATE sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
}

static int open_it(struct scratch *scratch, enum state_how how, const int64_t *deadline_ms,
		   sqlite3 **db)
{
	DV_AUTO_FREE char *path = path_of(scratch);

	return state_open(path, how, 100, deadline_ms, db, &scratch->err);
}

static int on_table(void *context, const char *name, int64_t n_rows, struct dv_error *err)
{
	char *text = context;

	if (strcmp(name, "stop") == 0)
		return dv_refuse(err, -E2BIG, "enough");
	(void)sprintf(text + strlen(text), "%s %lld\n", name, (long long)n_rows);
	return 0;
}

static void tables_are_counted_but_virtual_ones(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_STATE sqlite3 *db = NULL;
	char text[256] = "";

	make(scratch, "CREATE TABLE b (x); INSERT INTO b VALUES (1), (2);"
		      "CREATE TABLE \"a \"\" b\" (x INTEGER PRIMARY KEY AUTOINCREMENT);"
		      "CREATE VIRTUAL TABLE v USING dbstat; CREATE VIEW w AS SELECT 1");
	assert_ok(scratch, open_it(scratch, STATE_IN_USE, NULL, &db));
	assert_ok(scratch, state_check(db, false, &scratch->err));
	assert_ok(scratch, state_check(db, true, &scratch->err));
	assert_ok(scratch, state_count_tables(db, on_table, text, &scratch->err));
	assert_string_equal(text, "a \" b 0\nb 2\n");
}

static void whoever_counts_may_end_it(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_STATE sqlite3 *db = NULL;
	char text[256] = "";

	make(scratch, "CREATE TABLE a (x); CREATE TABLE stop (x); CREATE TABLE z (x)");
	assert_ok(scratch, open_it(scratch, STATE_AT_REST, NULL, &db));
	assert_int_equal(state_count_tables(db, on_table, text, &scratch->err), -E2BIG);
	assert_string_equal(text, "a 0\n");
	assert_string_equal(scratch->err.text, "enough");
}

static void the_level_is_the_highest_number(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_STATE sqlite3 *db = NULL;
	int64_t level = 7;
	bool has = true;

	make(scratch, "CREATE TABLE other (x)");
	assert_ok(scratch, open_it(scratch, STATE_TO_CHANGE, NULL, &db));
	assert_ok(scratch, state_has_table(db, "effect_sql_migrations", &has, &scratch->err));
	assert_false(has);
	assert_ok(scratch, state_read_level(db, &level, &scratch->err));
	assert_int_equal(level, STATE_NO_LEVEL);
	assert_int_equal(sqlite3_exec(db, "CREATE TABLE effect_sql_migrations (migration_id)", NULL,
				      NULL, NULL),
			 SQLITE_OK);
	assert_ok(scratch, state_has_table(db, "effect_sql_migrations", &has, &scratch->err));
	assert_true(has);
	level = 7;
	assert_ok(scratch, state_read_level(db, &level, &scratch->err));
	assert_int_equal(level, STATE_NO_LEVEL);
	assert_int_equal(sqlite3_exec(db,
				      "INSERT INTO effect_sql_migrations VALUES (3), (30), ('x')",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	assert_ok(scratch, state_read_level(db, &level, &scratch->err));
	assert_int_equal(level, 30);
}

static void who_looks_changes_nothing(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_STATE sqlite3 *db = NULL;
	DV_AUTO_STATE sqlite3 *rest = NULL;

	make(scratch, "PRAGMA journal_mode = WAL; CREATE TABLE a (x)");
	assert_ok(scratch, open_it(scratch, STATE_AT_REST, NULL, &rest));
	assert_ok(scratch, state_check(rest, true, &scratch->err));
	assert_false(scratch_has(scratch, "state.sqlite-shm"));
	assert_ok(scratch, open_it(scratch, STATE_IN_USE, NULL, &db));
	assert_int_equal(sqlite3_exec(db, "INSERT INTO a VALUES (1)", NULL, NULL, NULL),
			 SQLITE_READONLY);
}

static void at_the_deadline_it_ends(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_STATE sqlite3 *db = NULL;
	const int64_t passed_ms = clock_now_ms() - 1;
	int64_t n = 0;

	make(scratch, "CREATE TABLE a (x)");
	assert_ok(scratch, open_it(scratch, STATE_IN_USE, &passed_ms, &db));
	assert_int_equal(state_ask_number(db,
					  "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1"
					  " FROM n LIMIT 100000000) SELECT count(*) FROM n",
					  0, &n, &scratch->err),
			 -ETIMEDOUT);
	assert_contains(scratch->err.text, "it took too long");
}

static void what_is_no_plain_file_is_named(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *path = path_of(scratch);
	DV_AUTO_STATE sqlite3 *db = NULL;
	int root_fd = scratch->env.root_dirfd;

	assert_int_equal(state_check_file(path, &scratch->err), -ENOENT);
	assert_int_equal(symlinkat("other", root_fd, "state.sqlite"), 0);
	assert_int_equal(state_check_file(path, &scratch->err), -EMEDIUMTYPE);
	assert_contains(scratch->err.text, "is no file but a link");
	scratch_write(scratch, "other", "", 0600);
	assert_true(open_it(scratch, STATE_TO_CHANGE, NULL, &db) < 0);
	assert_int_equal(unlinkat(root_fd, "state.sqlite", 0), 0);
	assert_int_equal(linkat(root_fd, "other", root_fd, "state.sqlite", 0), 0);
	assert_int_equal(state_check_file(path, &scratch->err), -EMEDIUMTYPE);
	assert_contains(scratch->err.text, "has another name");
	assert_int_equal(unlinkat(root_fd, "other", 0), 0);
	assert_ok(scratch, state_check_file(path, &scratch->err));
	assert_int_equal(unlinkat(root_fd, "state.sqlite", 0), 0);
	scratch_make_folder(scratch, "state.sqlite", 0700);
	assert_int_equal(state_check_file(path, &scratch->err), -EMEDIUMTYPE);
	assert_contains(scratch->err.text, "is no file but a folder");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tables_are_counted_but_virtual_ones),
		TEST(whoever_counts_may_end_it),
		TEST(the_level_is_the_highest_number),
		TEST(who_looks_changes_nothing),
		TEST(at_the_deadline_it_ends),
		TEST(what_is_no_plain_file_is_named),
	};

	return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
