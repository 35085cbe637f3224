/* test_watches.c - the rows of what the watchdog remembers. */
#include "scratch.h"

#include "ledger/watches.h"

static void rows_are_put_changed_and_forgotten(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WATCHES struct watches watches = { 0 };
	DV_AUTO_WATCHES struct watches after = { 0 };
	struct watch_row row = { .name = "wizard", .n_fails = 1 };
	const struct watch_row *found;

	assert_ok(scratch, watches_put(scratch->ledger, &row, &scratch->err));
	row = (struct watch_row){ .name = "emo",
				  .n_fails = 2,
				  .started_usec = 3,
				  .first_fail_usec = 4,
				  .restart_usec = { 7, 6, 5 },
				  .alerted_usec = 8,
				  .stood_down_usec = 9 };
	assert_ok(scratch, watches_put(scratch->ledger, &row, &scratch->err));
	row.n_fails = SCRATCH_NOW_USEC;
	assert_ok(scratch, watches_put(scratch->ledger, &row, &scratch->err));
	assert_ok(scratch, watches_list(scratch->ledger, &watches, &scratch->err));
	assert_int_equal(watches.n_rows, 2);
	found = watches_find(&watches, "emo");
	assert_non_null(found);
	assert_string_equal(found->name, "emo");
	assert_int_equal(found->n_fails, SCRATCH_NOW_USEC);
	assert_int_equal(found->started_usec, 3);
	assert_int_equal(found->first_fail_usec, 4);
	assert_int_equal(found->restart_usec[0], 7);
	assert_int_equal(found->restart_usec[1], 6);
	assert_int_equal(found->restart_usec[2], 5);
	assert_int_equal(found->alerted_usec, 8);
	assert_int_equal(found->stood_down_usec, 9);
	assert_int_equal(watches_find(&watches, "wizard")->n_fails, 1);
	assert_null(watches_find(&watches, "anna"));
	assert_ok(scratch, watches_forget(scratch->ledger, "emo", &scratch->err));
	assert_ok(scratch, watches_forget(scratch->ledger, "anna", &scratch->err));
	assert_ok(scratch, watches_list(scratch->ledger, &after, &scratch->err));
	assert_int_equal(after.n_rows, 1);
	assert_null(watches_find(&after, "emo"));
}

static void none_are_none(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WATCHES struct watches watches = { 0 };

	assert_ok(scratch, watches_list(scratch->ledger, &watches, &scratch->err));
	assert_int_equal(watches.n_rows, 0);
	assert_null(watches_find(&watches, "emo"));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rows_are_put_changed_and_forgotten),
		TEST(none_are_none),
	};

	return cmocka_run_group_tests_name("watches", tests, NULL, NULL);
}
