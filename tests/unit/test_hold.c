/* test_hold.c - a hold is there until it is released, says why, and is there where nobody can tell. */
#include "scratch.h"

#include "steps/hold.h"

static void is_there_until_it_is_released(void **state)
{
	struct scratch *scratch = *state;
	char why[HOLD_WHY_BYTES] = "";

	scratch_make_folder(scratch, HOLD_FOLDER, 0755);
	assert_false(hold_is_set(&scratch->env, "anna"));
	assert_ok(scratch, hold_set(&scratch->env, "anna", "restore of 1", &scratch->err));
	assert_true(hold_is_set(&scratch->env, "anna"));
	assert_false(hold_is_set(&scratch->env, "ben"));
	assert_file(scratch, HOLD_FOLDER "/anna", "restore of 1\n");
	assert_ok(scratch, hold_read(&scratch->env, "anna", why, &scratch->err));
	assert_string_equal(why, "restore of 1");
	assert_ok(scratch, hold_release(&scratch->env, "anna", &scratch->err));
	assert_ok(scratch, hold_release(&scratch->env, "anna", &scratch->err));
	assert_false(hold_is_set(&scratch->env, "anna"));
	assert_int_equal(hold_read(&scratch->env, "anna", why, &scratch->err), -ENOENT);
	scratch_write(scratch, HOLD_FOLDER "/anna", "", 0644);
	assert_ok(scratch, hold_read(&scratch->env, "anna", why, &scratch->err));
	assert_string_equal(why, "");
}

static void what_cannot_be_looked_at_holds(void **state)
{
	struct scratch *scratch = *state;

	scratch_write(scratch, "var/lib/devvm/hold", "a file, no folder", 0600);
	assert_true(hold_is_set(&scratch->env, "anna"));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(is_there_until_it_is_released),
		TEST(what_cannot_be_looked_at_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
