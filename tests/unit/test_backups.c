/* test_backups.c - a checked copy of a database, whatever it is; and which of the copies are kept. */
#include "scratch.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include "agent/backup.h"
#include "base/clock.h"
#include "ledger/backups.h"

static char *path_of(struct scratch *scratch, const char *name)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s", scratch->folder, name) < 0)
		abort();
	return path;
}

static sqlite3 *open_source(struct scratch *scratch, const char *sql)
{
	DV_AUTO_FREE char *path = path_of(scratch, "state.sqlite");
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	return db;
}

static int make(struct scratch *scratch, int64_t deadline_ms, struct backup_result *result)
{
	DV_AUTO_FREE char *source = path_of(scratch, "state.sqlite");
	DV_AUTO_FREE char *folder = path_of(scratch, "cache");
	DV_AUTO_CLOSE int fd = -1;

	scratch_make_folder(scratch, "cache", 0700);
	fd = openat(scratch->env.root_dirfd, "cache", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return backup_make(source, folder, fd, deadline_ms, result, &scratch->err);
}

static void a_database_in_use_is_copied_whole(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_BACKUP_RESULT struct backup_result result = { 0 };
	sqlite3 *db =
		open_source(scratch, "CREATE TABLE effect_sql_migrations (migration_id INTEGER);"
				     "INSERT INTO effect_sql_migrations VALUES (29), (30);"
				     "CREATE TABLE \"odd \"\" name\" (x)");

	assert_ok(scratch, make(scratch, clock_deadline_ms(20000), &result));
	assert_int_equal(result.level, 30);
	assert_string_equal(result.rows, "{\"effect_sql_migrations\":2,\"odd \\\" name\":0}");
	assert_true(result.bytes > 0);
	assert_true(digest_is_hex(result.sha256));
	assert_int_equal(scratch_mode(scratch, "cache/" BACKUP_COPY), 0600);
	(void)sqlite3_close(db);
}

static void without_migrations_there_is_no_level(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_BACKUP_RESULT struct backup_result result = { 0 };
	sqlite3 *db = open_source(scratch, "CREATE TABLE t (x)");

	assert_ok(scratch, make(scratch, clock_deadline_ms(20000), &result));
	assert_int_equal(result.level, BACKUP_NO_LEVEL);
	(void)sqlite3_close(db);
}

static void what_is_no_database_is_said(void **state)
{
	struct scratch *scratch = *state;
	struct backup_result result = { 0 };

	assert_int_equal(make(scratch, clock_deadline_ms(20000), &result), -ENOENT);
	scratch_write(scratch, "state.sqlite", "some text that is long enough to be looked at",
		      0644);
	assert_int_equal(make(scratch, clock_deadline_ms(20000), &result), -EMEDIUMTYPE);
	assert_contains(scratch->err.text, "no database, or damaged");
	assert_int_equal(unlinkat(scratch->env.root_dirfd, "state.sqlite", 0), 0);
	assert_int_equal(symlinkat("elsewhere", scratch->env.root_dirfd, "state.sqlite"), 0);
	assert_int_equal(make(scratch, clock_deadline_ms(20000), &result), -EMEDIUMTYPE);
	assert_contains(scratch->err.text, "is no file but a link");
	assert_int_equal(unlinkat(scratch->env.root_dirfd, "state.sqlite", 0), 0);
	scratch_write(scratch, "other", "x", 0644);
	assert_int_equal(linkat(scratch->env.root_dirfd, "other", scratch->env.root_dirfd,
				"state.sqlite", 0),
			 0);
	assert_int_equal(make(scratch, clock_deadline_ms(20000), &result), -EMEDIUMTYPE);
	assert_contains(scratch->err.text, "has another name");
}

static void at_its_deadline_it_gives_up(void **state)
{
	struct scratch *scratch = *state;
	struct backup_result result = { 0 };
	sqlite3 *db = open_source(scratch,
				  "CREATE TABLE t (x); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
				  "SELECT i + 1 FROM n LIMIT 20000) INSERT INTO t SELECT i FROM n");

	assert_int_equal(make(scratch, clock_now_ms() - 1, &result), -ETIMEDOUT);
	assert_contains(scratch->err.text, "it took too long");
	(void)sqlite3_close(db);
}

static void one_that_is_locked_is_waited_for_until_then(void **state)
{
	struct scratch *scratch = *state;
	struct backup_result result = { 0 };
	sqlite3 *db = open_source(scratch, "CREATE TABLE t (x)");

	assert_int_equal(sqlite3_exec(db,
				      "PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE;"
				      "INSERT INTO t VALUES (1)",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(make(scratch, clock_deadline_ms(700), &result), -ETIMEDOUT);
	assert_contains(scratch->err.text, "held it locked");
	(void)sqlite3_close(db);
}

/* ---- which are kept ------------------------------------------------------------------- */

static void assert_forgets(const char *oks, unsigned int keep, const char *expected)
{
	struct backups_row rows[16] = { 0 };
	struct backups backups = { .rows = rows };
	bool forget[16] = { 0 };
	char got[17] = "";

	for (; oks[backups.n_rows]; backups.n_rows++) {
		rows[backups.n_rows].is_ok = oks[backups.n_rows] != 'f';
		rows[backups.n_rows].needed_by = oks[backups.n_rows] == 'n' ? (char *)"run" : NULL;
	}
	backups_choose(&backups, keep, forget);
	for (size_t i = 0; i < backups.n_rows; i++)
		got[i] = forget[i] ? 'x' : '.';
	assert_string_equal(got, expected);
}

/* The newest first: o ok, f failed, n ok and needed by a run. */
static void so_many_are_kept(void **state DV_UNUSED)
{
	assert_forgets("", 3, "");
	assert_forgets("ooooo", 3, "...xx");
	assert_forgets("ffooo", 2, "....x");
	assert_forgets("offoo", 2, ".xx.x");
	assert_forgets("oonon", 1, ".x.x.");
	assert_forgets("fffff", 1, ".....");
	assert_forgets("foooo", 0, "..xxx"); /* the newest that is ok always stays */
}

static void ids_are_times(void **state DV_UNUSED)
{
	assert_true(backups_is_id("20261127-031500"));
	assert_false(backups_is_id("20261127-03150"));
	assert_false(backups_is_id("20261127_031500"));
	assert_false(backups_is_id("../../../etc/pa"));
	assert_false(backups_is_id("20261127-03150a"));
	assert_false(backups_is_id(""));
}

static void assert_next_id(const char *newest, const char *now, const char *expected)
{
	struct backups_row row = { .is_ok = true };
	const struct backups backups = { .rows = &row, .n_rows = newest ? 1 : 0 };
	char id[BACKUPS_ID_BYTES];
	int64_t now_usec = 0;

	(void)snprintf(row.id, sizeof(row.id), "%s", newest ? newest : "");
	assert_true(backups_time(now, &now_usec));
	backups_next_id(&backups, now_usec, id);
	assert_string_equal(id, expected);
}

/* Else a copy that was made after the clock was set back is the first to be forgotten, which is at once. */
static void the_newest_copy_has_the_newest_id_whatever_the_clock_says(void **state DV_UNUSED)
{
	assert_next_id(NULL, "20261127-031500", "20261127-031500");
	assert_next_id("20261127-031459", "20261127-031500", "20261127-031500");
	assert_next_id("20261127-031500", "20261127-031500", "20261127-031501");
	assert_next_id("20361231-235959", "20261127-031500", "20370101-000000");
	assert_next_id("00000000-000000", "20261127-031500", "20261127-031500");
	assert_next_id("99991231-235959", "20261127-031500", "00000000-000000");
}

static void rows_come_back_newest_first(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_BACKUPS struct backups all = { 0 };
	DV_AUTO_BACKUPS struct backups one = { 0 };
	const struct backups_row rows[] = {
		{ .name = (char *)"emo",
		  .id = "20260101-000000",
		  .reason = (char *)"daily",
		  .is_ok = true,
		  .bytes = 7,
		  .level = 30,
		  .sha256 = (char *)"aa",
		  .rows = (char *)"{}",
		  .version = "1.0.0" },
		{ .name = (char *)"emo",
		  .id = "20260102-000000",
		  .reason = (char *)"hand",
		  .error = (char *)"why" },
		{ .name = (char *)"zoe",
		  .id = "20260101-000000",
		  .reason = (char *)"daily",
		  .is_ok = true },
	};

	for (size_t i = 0; i < DV_COUNT(rows); i++)
		assert_ok(scratch, backups_add(scratch->ledger, &rows[i], &scratch->err));
	assert_ok(scratch, backups_list(scratch->ledger, NULL, &all, &scratch->err));
	assert_int_equal(all.n_rows, 3);
	assert_string_equal(all.rows[0].id, "20260102-000000");
	assert_string_equal(all.rows[0].error, "why");
	assert_int_equal(all.rows[1].level, 30);
	assert_true(all.rows[1].is_ok);
	assert_string_equal(all.rows[1].version, "1.0.0");
	assert_string_equal(all.rows[0].version, ""); /* as one from before it was noted */
	assert_ok(scratch,
		  backups_remove(scratch->ledger, "emo", "20260102-000000", &scratch->err));
	assert_ok(scratch, backups_list(scratch->ledger, "emo", &one, &scratch->err));
	assert_int_equal(one.n_rows, 1);
	assert_ptr_equal(backups_find(&one, "20260101-000000"), &one.rows[0]);
	assert_null(backups_find(&one, "20260102-000000"));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_database_in_use_is_copied_whole),
		TEST(without_migrations_there_is_no_level),
		TEST(what_is_no_database_is_said),
		TEST(at_its_deadline_it_gives_up),
		TEST(one_that_is_locked_is_waited_for_until_then),
		cmocka_unit_test(so_many_are_kept),
		cmocka_unit_test(ids_are_times),
		cmocka_unit_test(the_newest_copy_has_the_newest_id_whatever_the_clock_says),
		cmocka_unit_test_setup_teardown(rows_come_back_newest_first, scratch_setup_ledger,
						scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
