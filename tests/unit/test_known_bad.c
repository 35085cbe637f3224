/* test_known_bad.c - bad versions: kept for good, forgiven once, bad again. */
#include "scratch.h"

#include "ledger/known_bad.h"

static void assert_reason(struct scratch *scratch, const char *version, const char *expected)
{
	DV_AUTO_FREE char *reason = NULL;

	assert_ok(scratch, known_bad_reason(scratch->ledger, version, &reason, &scratch->err));
	if (expected)
		assert_string_equal(reason, expected);
	else
		assert_null(reason);
}

static void one_is_bad_until_it_is_forgiven(void **state)
{
	struct scratch *scratch = *state;
	struct ledger *ledger = scratch->ledger;
	DV_AUTO_KNOWN_BAD struct known_bad list = { 0 };

	assert_reason(scratch, "1.0.0", NULL);
	assert_ok(scratch, known_bad_add(ledger, "1.0.0", 100, 7, "first", &scratch->err));
	assert_ok(scratch, known_bad_add(ledger, "1.0.0", 200, 8, "second", &scratch->err));
	assert_reason(scratch, "1.0.0", "first");
	assert_reason(scratch, "1.0.1", NULL);
	assert_ok(scratch, known_bad_forgive(ledger, "1.0.0", 300, &scratch->err));
	assert_reason(scratch, "1.0.0", NULL);
	assert_int_equal(known_bad_forgive(ledger, "1.0.0", 400, &scratch->err), -ENOENT);
	assert_string_equal(scratch->err.text, "t3 1.0.0 is not known to be bad");
	assert_ok(scratch, known_bad_add(ledger, "1.0.0", 500, 9, "again", &scratch->err));
	assert_reason(scratch, "1.0.0", "again");
	assert_ok(scratch, known_bad_list(ledger, &list, &scratch->err));
	assert_int_equal(list.n_rows, 2);
	assert_string_equal(list.rows[0].reason, "again");
	assert_int_equal(list.rows[0].run, 9);
	assert_int_equal(list.rows[0].forgiven_usec, 0);
	assert_string_equal(list.rows[1].version, "1.0.0");
	assert_int_equal(list.rows[1].since_usec, 100);
	assert_int_equal(list.rows[1].forgiven_usec, 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_is_bad_until_it_is_forgiven,
						scratch_setup_ledger, scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
