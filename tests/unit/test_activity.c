/* test_activity.c - which times are understood, and which rows of a real database count as a turn in flight. */
#include "scratch.h"

#include "base/clock.h"
#include "t3/activity.h"
#include "t3/state.h"

#define SECOND INT64_C(1000000)
#define NOON INT64_C(1769860800000000) /* 2026-01-31T12:00:00Z */

static void assert_time(const char *text, int64_t usec, int64_t step)
{
	int64_t got = -1, got_step = -1;

	if (!activity_parse_time(text, &got, &got_step))
		fail_msg("not understood: %s", text);
	if (got != usec || got_step != step)
		fail_msg("%s: %lld step %lld", text, (long long)got, (long long)got_step);
}

static void times_are_dates_or_numbers(void **state DV_UNUSED)
{
	assert_time("2026-01-31T12:00:00Z", NOON, SECOND);
	assert_time("2026-01-31T12:00:00+00:00", NOON, SECOND);
	assert_time("2026-01-31 12:00:00", NOON, SECOND);
	assert_time("2026-01-31 12:00:00Z", NOON, SECOND);
	assert_time("2026-01-31T12:00:00.5Z", NOON + 500000, 100000);
	assert_time("2026-01-31T12:00:00.123Z", NOON + 123000, 1000);
	assert_time("2026-01-31T12:00:00.123456Z", NOON + 123456, 1);
	assert_time("2026-01-31T12:00:00.123456789Z", NOON + 123456, 1);
	assert_time("2024-02-29T00:00:00Z", INT64_C(1709164800000000), SECOND);
	assert_time("1970-01-01T00:00:00Z", 0, SECOND);
	assert_time("9999-12-31T23:59:59Z", ACTIVITY_USEC_MAX - SECOND, SECOND);
	assert_time("1769860800", NOON, SECOND);
	assert_time("1769860800123", NOON + 123000, 1000);
	assert_time("1769860800123.0", NOON + 123000, 1000);
	assert_time("0", 0, SECOND);
}

static void nothing_else_is_a_time(void **state DV_UNUSED)
{
	static const char *const texts[] = {
		"",
		" ",
		"now",
		"2026-01-31",
		"2026-01-31T12:00:00", /* whose local time? */
		"2026-01-31T12:00:00+01:00",
		"2026-01-31T12:00:00-00:30",
		"2026-01-31T12:00:00.Z",
		"2026-01-31T12:00:00.1234567890Z",
		"2026-01-31T12:00:00Z ",
		" 2026-01-31T12:00:00Z",
		"2026-01-31T12:00:00ZZ",
		"2026-01-31t12:00:00Z",
		"2026-1-31T12:00:00Z",
		"2026-02-29T12:00:00Z",
		"2026-00-10T12:00:00Z",
		"2026-13-10T12:00:00Z",
		"2026-01-00T12:00:00Z",
		"2026-01-32T12:00:00Z",
		"2026-01-31T24:00:00Z",
		"2026-01-31T12:60:00Z",
		"2026-01-31T12:00:60Z",
		"1969-12-31T23:59:59Z",
		"+2026-01-31T12:00:00Z",
		"-1",
		"+1",
		"1e9",
		"0x10",
		"1769860800Z",
		"9999999999999999",
		"999999999999999", /* in milliseconds that would be the year 33658 */
	};

	for (size_t i = 0; i < DV_COUNT(texts); i++) {
		int64_t usec = -1, step = -1;

		if (activity_parse_time(texts[i], &usec, &step))
			fail_msg("taken for a time: %s", texts[i]);
		assert_int_equal(usec, -1);
	}
}

/* ---- rows ------------------------------------------------------------------------------- */

#define SCHEMA                                                                                     \
	"PRAGMA journal_mode = WAL;"                                                               \
	"CREATE TABLE effect_sql_migrations (migration_id INTEGER PRIMARY KEY, name TEXT);"        \
	"INSERT INTO effect_sql_migrations VALUES (1, 'a'), (30, 'b');"                            \
	"CREATE TABLE projection_thread_sessions (thread_id TEXT PRIMARY KEY, status TEXT,"        \
	" active_turn_id TEXT, updated_at);"

static char *path_of(struct scratch *scratch)
{
	char *path = NULL;

	assert_true(asprintf(&path, "%s/state.sqlite", scratch->folder) > 0);
	return path;
}

/* The other program that has it open. */
static sqlite3 *make(struct scratch *scratch, const char *sql)
{
	DV_AUTO_FREE char *path = path_of(scratch);
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	return db;
}

static int look(struct scratch *scratch, int64_t since_usec, struct activity *activity)
{
	DV_AUTO_FREE char *path = path_of(scratch);

	return activity_look(path, since_usec, clock_deadline_ms(20000), activity, &scratch->err);
}

static void assert_activity(struct scratch *scratch, int64_t since_usec, int64_t level,
			    int64_t n_turns, int64_t worked_usec)
{
	struct activity activity = { 0 };

	assert_ok(scratch, look(scratch, since_usec, &activity));
	assert_int_equal(activity.level, level);
	assert_int_equal(activity.n_turns, n_turns);
	assert_int_equal(activity.worked_usec, worked_usec);
}

static void turns_since_then_count(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_STATE sqlite3 *db =
		make(scratch, SCHEMA "INSERT INTO projection_thread_sessions VALUES"
				     " ('old', 'running', 'turn', '2026-01-31T11:59:59.999Z'),"
				     " ('now', 'running', 'turn', '2026-01-31T12:00:00.000Z'),"
				     " ('new', 'running', 'turn', 1769860801000),"
				     " ('newest', 'idle', NULL, '2026-01-31T12:00:02.500Z')");

	assert_activity(scratch, 0, 30, 3, NOON + 2500000);
	assert_activity(scratch, NOON, 30, 2, NOON + 2500000);
	assert_activity(scratch, NOON + 999, 30, 2, NOON + 2500000);
	assert_activity(scratch, NOON + 1000, 30, 1, NOON + 2500000);
	assert_activity(scratch, NOON + 3 * SECOND, 30, 0, NOON + 2500000);
}

static void a_time_that_is_not_understood_counts(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_STATE sqlite3 *db =
		make(scratch, SCHEMA "INSERT INTO projection_thread_sessions VALUES"
				     " ('a', '', 'turn', 'yesterday'), ('b', '', 'turn', NULL),"
				     " ('c', '', 'turn', -5), ('d', '', '', x'00ff'),"
				     " ('e', '', NULL, 'yesterday'), ('f', '', NULL, 7)");

	assert_activity(scratch, NOON, 30, 4, 7 * SECOND);
}

static void an_empty_one_has_none(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_STATE sqlite3 *db = make(scratch, SCHEMA "DELETE FROM effect_sql_migrations");

	assert_activity(scratch, 0, STATE_NO_LEVEL, 0, 0);
	assert_int_equal(sqlite3_exec(db, "DROP TABLE effect_sql_migrations", NULL, NULL, NULL),
			 SQLITE_OK);
	assert_activity(scratch, 0, STATE_NO_LEVEL, 0, 0);
}

static void what_another_writes_is_seen_and_not_waited_for(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_STATE sqlite3 *db = make(scratch, SCHEMA);

	assert_int_equal(sqlite3_exec(db,
				      "INSERT INTO projection_thread_sessions VALUES"
				      " ('a', '', 'turn', 1769860800); BEGIN IMMEDIATE;"
				      "INSERT INTO projection_thread_sessions VALUES"
				      " ('b', '', 'turn', 1769860800)",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	assert_activity(scratch, NOON, 30, 1, NOON);
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	assert_activity(scratch, NOON, 30, 2, NOON);
}

static void assert_refused(struct scratch *scratch, int r, const char *why)
{
	struct activity activity = { .level = 77 };

	assert_int_equal(look(scratch, 0, &activity), r);
	assert_contains(scratch->err.text, why);
	assert_int_equal(activity.level, 77);
}

static void remove_it(struct scratch *scratch)
{
	static const char *const names[] = { "state.sqlite", "state.sqlite-wal",
					     "state.sqlite-shm" };

	for (size_t i = 0; i < DV_COUNT(names); i++)
		(void)unlinkat(scratch->env.root_dirfd, names[i], 0);
}

static void what_is_not_t3s_is_unclear(void **state)
{
	struct scratch *scratch = *state;
	static const struct {
		const char *sql, *why;
	} others[] = {
		{ "CREATE TABLE t (x)", "unclear: no such table: projection_thread_sessions" },
		{ "CREATE TABLE projection_thread_sessions (updated_at)",
		  "unclear: no such column: active_turn_id" },
		{ "CREATE TABLE projection_thread_sessions (active_turn_id)",
		  "unclear: no such column: updated_at" },
		{ SCHEMA "INSERT INTO effect_sql_migrations VALUES (2147483648, 'c')",
		  "its migration level 2147483648 makes no sense" },
		{ SCHEMA "DELETE FROM effect_sql_migrations;"
			 "INSERT INTO effect_sql_migrations VALUES (-7, 'c')",
		  "its migration level -7 makes no sense" },
	};

	for (size_t i = 0; i < DV_COUNT(others); i++) {
		DV_AUTO_STATE sqlite3 *db = make(scratch, others[i].sql);

		assert_refused(scratch, -EBADMSG, others[i].why);
		state_closep(&db);
		remove_it(scratch);
	}
}

static void what_is_no_database_is_said(void **state)
{
	struct scratch *scratch = *state;

	assert_refused(scratch, -ENOENT, "there is no ");
	scratch_write(scratch, "state.sqlite", "some text that is long enough to be looked at",
		      0644);
	assert_refused(scratch, -EMEDIUMTYPE, "no database, or damaged");
	remove_it(scratch);
	assert_int_equal(symlinkat("elsewhere", scratch->env.root_dirfd, "state.sqlite"), 0);
	assert_refused(scratch, -EMEDIUMTYPE, "is no file but a link");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_dates_or_numbers),
		cmocka_unit_test(nothing_else_is_a_time),
		TEST(turns_since_then_count),
		TEST(a_time_that_is_not_understood_counts),
		TEST(an_empty_one_has_none),
		TEST(what_another_writes_is_seen_and_not_waited_for),
		TEST(what_is_not_t3s_is_unclear),
		TEST(what_is_no_database_is_said),
	};

	return cmocka_run_group_tests_name("activity", tests, NULL, NULL);
}
