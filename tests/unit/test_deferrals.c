/* test_deferrals.c - who waits for a version: since when for the first time, and until when they asked to. */
#include "scratch.h"

#include "ledger/deferrals.h"

static struct deferral get(struct scratch *scratch, const char *name)
{
	DV_AUTO_DEFERRALS struct deferrals deferrals = { 0 };
	const struct deferral *found;

	assert_ok(scratch, deferrals_list(scratch->ledger, &deferrals, &scratch->err));
	found = deferrals_find(&deferrals, name);
	return found ? *found : (struct deferral){ 0 };
}

static void the_first_time_is_what_counts(void **state)
{
	struct scratch *scratch = *state;
	struct deferral row;

	assert_ok(scratch,
		  deferrals_put(scratch->ledger, "anna", "1.1.0", 10, "an agent", &scratch->err));
	assert_ok(scratch,
		  deferrals_put(scratch->ledger, "anna", "1.2.0", 20, "a turn", &scratch->err));
	assert_ok(scratch, deferrals_set_told(scratch->ledger, "anna", 30, &scratch->err));
	row = get(scratch, "anna");
	assert_string_equal(row.version, "1.2.0");
	assert_string_equal(row.why, "a turn");
	assert_int_equal(row.since_usec, 10);
	assert_int_equal(row.told_usec, 30);
	assert_string_equal(get(scratch, "ben").name, "");
	assert_ok(scratch, deferrals_end(scratch->ledger, "anna", 50, &scratch->err));
	assert_string_equal(get(scratch, "anna").name, "");
}

static void what_somebody_asked_for_outlives_a_version(void **state)
{
	struct scratch *scratch = *state;
	struct deferral row;

	assert_ok(scratch,
		  deferrals_put(scratch->ledger, "ben", "1.1.0", 40, "asked", &scratch->err));
	assert_ok(scratch, deferrals_set_told(scratch->ledger, "ben", 45, &scratch->err));
	assert_ok(scratch, deferrals_set_not_before(scratch->ledger, "ben", 500, &scratch->err));
	assert_ok(scratch, deferrals_end(scratch->ledger, "ben", 499, &scratch->err));
	row = get(scratch, "ben");
	assert_int_equal(row.not_before_usec, 500);
	assert_int_equal(row.since_usec, 0);
	assert_int_equal(row.told_usec, 0);
	assert_string_equal(row.version, "");
	assert_string_equal(row.why, "");
	assert_ok(scratch, deferrals_end(scratch->ledger, "ben", 500, &scratch->err));
	assert_string_equal(get(scratch, "ben").name, "");
}

static void who_asked_to_wait_has_not_blocked_anything_yet(void **state)
{
	struct scratch *scratch = *state;
	struct deferral row;

	assert_ok(scratch, deferrals_set_not_before(scratch->ledger, "ben", 500, &scratch->err));
	row = get(scratch, "ben");
	assert_int_equal(row.not_before_usec, 500);
	assert_int_equal(row.since_usec, 0);
	assert_string_equal(row.version, "");
	assert_ok(scratch,
		  deferrals_put(scratch->ledger, "ben", "1.1.0", 40, "asked", &scratch->err));
	row = get(scratch, "ben");
	assert_int_equal(row.since_usec, 40);
	assert_int_equal(row.not_before_usec, 500);
	assert_ok(scratch, deferrals_set_not_before(scratch->ledger, "ben", 0, &scratch->err));
	assert_int_equal(get(scratch, "ben").not_before_usec, 0);
}

#define DAY (24 * 3600 * INT64_C(1000000))

static void only_who_keeps_a_version_waiting_is_overdue(void **state DV_UNUSED)
{
	struct deferral row = { .version = "1.1.0", .since_usec = 100 };

	assert_false(deferrals_is_overdue(&row, 7, 100 + 7 * DAY));
	assert_true(deferrals_is_overdue(&row, 7, 101 + 7 * DAY));
	assert_false(deferrals_is_overdue(&row, 0, 900 * DAY)); /* nobody is told */
	row.since_usec = 0;
	assert_false(deferrals_is_overdue(&row, 7, 900 * DAY));
	row = (struct deferral){ .since_usec = 100, .not_before_usec = 901 * DAY };
	assert_false(deferrals_is_overdue(&row, 7, 900 * DAY)); /* nothing waits yet */
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_time_is_what_counts),
		TEST(what_somebody_asked_for_outlives_a_version),
		TEST(who_asked_to_wait_has_not_blocked_anything_yet),
		TEST(only_who_keeps_a_version_waiting_is_overdue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
