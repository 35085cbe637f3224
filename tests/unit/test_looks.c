/* test_looks.c - the rows of what the last look at each running t3 saw. */
#include "scratch.h"

#include "ledger/looks.h"

static void put(struct scratch *scratch, const char *name, int64_t since_usec, int64_t ticks)
{
	struct looks_row row = { .name = (char *)name,
				 .idle_since_usec = since_usec,
				 .agent_ticks = ticks,
				 .agent_start = ticks + 1 };

	assert_ok(scratch, looks_put(scratch->ledger, &row, &scratch->err));
}

static void rows_are_put_changed_and_forgotten(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_LOOKS struct looks looks = { 0 };
	DV_AUTO_LOOKS struct looks after = { 0 };

	put(scratch, "wizard", 0, 5);
	put(scratch, "emo", 7, 1);
	put(scratch, "emo", SCRATCH_NOW_USEC, 3);
	assert_ok(scratch, looks_list(scratch->ledger, &looks, &scratch->err));
	assert_int_equal(looks.n_rows, 2);
	assert_string_equal(looks.rows[0].name, "emo");
	assert_int_equal(looks_find(&looks, "emo")->idle_since_usec, SCRATCH_NOW_USEC);
	assert_int_equal(looks_find(&looks, "emo")->agent_ticks, 3);
	assert_int_equal(looks_find(&looks, "emo")->agent_start, 4);
	assert_int_equal(looks_find(&looks, "wizard")->idle_since_usec, 0);
	assert_null(looks_find(&looks, "anna"));
	assert_ok(scratch, looks_forget(scratch->ledger, "emo", &scratch->err));
	assert_ok(scratch, looks_forget(scratch->ledger, "anna", &scratch->err));
	assert_ok(scratch, looks_list(scratch->ledger, &after, &scratch->err));
	assert_int_equal(after.n_rows, 1);
	assert_null(looks_find(&after, "emo"));
}

static void none_are_none(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_LOOKS struct looks looks = { 0 };

	assert_ok(scratch, looks_list(scratch->ledger, &looks, &scratch->err));
	assert_int_equal(looks.n_rows, 0);
	assert_null(looks_find(&looks, "emo"));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rows_are_put_changed_and_forgotten),
		TEST(none_are_none),
	};

	return cmocka_run_group_tests_name("looks", tests, NULL, NULL);
}
