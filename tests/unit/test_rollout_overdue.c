/* test_rollout_overdue.c - who has kept a version waiting for too long becomes an event, once. */
#include "scratch.h"

#include "ledger/deferrals.h"
#include "rollout/overdue.h"

#define DAY (24 * 3600 * INT64_C(1000000))
#define SAID "anna has kept t3 1.1.0 waiting for more than 7 days"

static unsigned int n_told(struct scratch *scratch)
{
	DV_AUTO_FREE char *dump = scratch_dump_ledger(scratch);
	unsigned int n = 0;

	for (const char *at = dump; (at = strstr(at, SAID)); at++)
		n++;
	return n;
}

static void it_is_told_once(void **state)
{
	struct scratch *scratch = *state;
	struct rollout rollout = { .env = scratch->env,
				   .ledger = scratch->ledger,
				   .config.update_defer_max_days = 7 };
	struct deferral row;

	assert_ok(scratch, rollout_note_overdue(&rollout, "anna", &scratch->err)); /* no row */
	assert_ok(scratch, deferrals_put(scratch->ledger, "anna", "1.1.0",
					 SCRATCH_NOW_USEC - 7 * DAY, "a turn", &scratch->err));
	assert_ok(scratch, rollout_note_overdue(&rollout, "anna", &scratch->err));
	assert_int_equal(n_told(scratch), 0);
	assert_ok(scratch, deferrals_end(scratch->ledger, "anna", &scratch->err));
	assert_ok(scratch, deferrals_put(scratch->ledger, "anna", "1.1.0",
					 SCRATCH_NOW_USEC - 8 * DAY, "a turn", &scratch->err));
	assert_ok(scratch, rollout_note_overdue(&rollout, "anna", &scratch->err));
	assert_ok(scratch, rollout_note_overdue(&rollout, "anna", &scratch->err));
	assert_int_equal(n_told(scratch), 1);
	assert_ok(scratch, deferrals_get(scratch->ledger, "anna", &row, &scratch->err));
	assert_int_equal(row.told_usec, SCRATCH_NOW_USEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_is_told_once, scratch_setup_ledger,
						scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
