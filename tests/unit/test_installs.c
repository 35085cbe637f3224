/* test_installs.c - what an install leaves for whoever asked. */
#include "scratch.h"

#include "ledger/installs.h"

static void assert_known(struct scratch *scratch, const char *instance, bool expected_done,
			 const char *expected)
{
	DV_AUTO_FREE char *text = NULL;
	bool done = !expected_done;

	assert_ok(scratch, installs_get(scratch->ledger, instance, &done, &text, &scratch->err));
	assert_int_equal(done, expected_done);
	assert_true(str_equal(text, expected));
}

static void the_last_one_is_known(void **state)
{
	struct scratch *scratch = *state;
	struct ledger *ledger = scratch->ledger;

	assert_known(scratch, "t3-1.0.0", false, NULL);
	assert_ok(scratch, installs_put(ledger, "t3-1.0.0", false, "npm: no", &scratch->err));
	assert_known(scratch, "t3-1.0.0", false, "npm: no");
	assert_ok(scratch, installs_put(ledger, "t3-1.0.0", true, "it is there", &scratch->err));
	assert_known(scratch, "t3-1.0.0", true, "it is there");
	assert_known(scratch, "t3-2.0.0", false, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_last_one_is_known, scratch_setup_ledger,
						scratch_teardown),
	};

	return cmocka_run_group_tests_name("installs", tests, NULL, NULL);
}
