/* test_schema.c - which tables there are, and what becomes of an older database and of a newer one. */
#include "scratch.h"

#include "ledger/schema.h"
#include "ledger/sql.h"

#define VERSION "13"

static void assert_row(struct scratch *scratch, const char *sql, const char *value)
{
	int r = 0;
	DV_AUTO_STMT sqlite3_stmt *s = sql_prepare(scratch->ledger, sql, &r, &scratch->err);

	assert_ok(scratch, r);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	assert_string_equal((const char *)sqlite3_column_text(s, 0), value);
}

static void run(struct scratch *scratch, const char *sql)
{
	assert_ok(scratch, sql_script(scratch->ledger, sql, "test", &scratch->err));
}

static void a_new_one_has_all_tables(void **state)
{
	struct scratch *scratch = *state;

	assert_row(scratch, "PRAGMA user_version", VERSION);
	assert_row(scratch,
		   "SELECT group_concat(name, ' ') FROM (SELECT name FROM"
		   " sqlite_master WHERE type = 'table' ORDER BY name)",
		   "backups deferrals events gates known_bad looks meta mirrors moves "
		   "people ports restores secrets shared_tokens sqlite_sequence "
		   "steps tools update_runs update_transitions watches");
}

/* As before the last migration. */
static void an_older_one_gets_what_it_lacks_and_keeps_the_rest(void **state)
{
	struct scratch *scratch = *state;
	bool is_current = false;

	assert_ok(scratch, schema_look(scratch->ledger, &is_current, &scratch->err));
	assert_true(is_current);
	assert_ok(scratch, ledger_set_meta(scratch->ledger, "key", "kept", &scratch->err));
	run(scratch, "DROP TABLE watches; ALTER TABLE restores DROP COLUMN version; "
		     "ALTER TABLE backups DROP COLUMN version; PRAGMA "
		     "user_version = 10");
	assert_ok(scratch, schema_look(scratch->ledger, &is_current, &scratch->err));
	assert_false(is_current);
	assert_ok(scratch, ledger_begin(scratch->ledger, &scratch->err));
	assert_ok(scratch, schema_migrate(scratch->ledger, &scratch->err));
	assert_ok(scratch, ledger_commit(scratch->ledger, &scratch->err));
	assert_row(scratch, "PRAGMA user_version", VERSION);
	assert_row(scratch, "SELECT count(*) FROM watches", "0");
	assert_row(scratch, "SELECT value FROM meta WHERE key = 'key'", "kept");
}

static void one_that_cannot_be_migrated_stays_as_it_is(void **state)
{
	struct scratch *scratch = *state;

	run(scratch, "PRAGMA user_version = 10"); /* and its last table is there */
	assert_ok(scratch, ledger_begin(scratch->ledger, &scratch->err));
	assert_int_equal(schema_migrate(scratch->ledger, &scratch->err), -EIO);
	assert_contains(scratch->err.text, "migrate: table watches already exists");
	ledger_rollback(scratch->ledger);
	assert_row(scratch, "PRAGMA user_version", "10");
}

static void one_of_a_newer_devvm_is_refused_in_a_sentence(void **state)
{
	static const enum ledger_mode modes[] = { LEDGER_WRITE, LEDGER_SCRATCH };
	struct scratch *scratch = *state;

	run(scratch, "PRAGMA user_version = 99");
	for (size_t i = 0; i < DV_COUNT(modes); i++) {
		scratch_close_ledger(scratch);
		assert_int_equal(ledger_open(&scratch->ledger, &scratch->env, modes[i], 0,
					     &scratch->err),
				 -EPROTO);
		assert_string_equal(scratch->err.text,
				    "ledger /var/lib/devvm/ledger.db has schema 99 and this devvm "
				    "knows up to " VERSION ": install the devvm that wrote it");
	}
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_one_has_all_tables),
		TEST(an_older_one_gets_what_it_lacks_and_keeps_the_rest),
		TEST(one_that_cannot_be_migrated_stays_as_it_is),
		TEST(one_of_a_newer_devvm_is_refused_in_a_sentence),
	};

	return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
