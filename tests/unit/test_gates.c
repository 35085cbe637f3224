/* test_gates.c - what the gate found: the level that a version brings a database to. */
#include "scratch.h"

#include "ledger/gates.h"

static void add(struct scratch *scratch, const char *version, const char *outcome, uint32_t to)
{
	const struct gates_row row = { .run = 1,
				       .version = version,
				       .seed = "anna",
				       .at_usec = 5,
				       .outcome = outcome,
				       .failed_check = "none",
				       .text = "",
				       .to_level = to };

	assert_ok(scratch, gates_add(scratch->ledger, &row, &scratch->err));
}

static int level(struct scratch *scratch, const char *version)
{
	int is = 0;

	assert_ok(scratch, gates_level(scratch->ledger, version, &is, &scratch->err));
	return is;
}

static void the_level_is_that_of_a_gate_that_was_passed(void **state)
{
	struct scratch *scratch = *state;

	assert_int_equal(level(scratch, "1.0.0"), GATES_NO_LEVEL);
	add(scratch, "1.0.0", "failed", 31);
	add(scratch, "1.0.0", "passed", 0);
	assert_int_equal(level(scratch, "1.0.0"), GATES_NO_LEVEL);
	add(scratch, "1.0.0", "passed", 32);
	assert_int_equal(level(scratch, "1.0.0"), 32);
	assert_int_equal(level(scratch, "1.0.1"), GATES_NO_LEVEL);
}

static void old_ones_go(void **state)
{
	struct scratch *scratch = *state;
	sqlite3 *beside;
	sqlite3_stmt *s = NULL;

	for (int i = 0; i < GATES_KEPT + 5; i++)
		add(scratch, "1.0.0", "passed", 1);
	beside = scratch_open_beside(scratch);
	assert_int_equal(sqlite3_prepare_v2(beside, "SELECT count(*) FROM gates", -1, &s, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	assert_int_equal(sqlite3_column_int(s, 0), GATES_KEPT);
	(void)sqlite3_finalize(s);
	(void)sqlite3_close(beside);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_level_is_that_of_a_gate_that_was_passed),
		TEST(old_ones_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
