/* test_rollout_waiting.c - who is to wait, and who has kept a version waiting for too long, which becomes an event, once. */
#include "scratch.h"

#include "ledger/deferrals.h"
#include "rollout/waiting.h"

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

	assert_ok(scratch, deferrals_put(scratch->ledger, "anna", "1.1.0",
					 SCRATCH_NOW_USEC - 7 * DAY, "a turn", &scratch->err));
	assert_ok(scratch, rollout_put_off(&rollout, "anna", "1.1.0", "a turn", &scratch->err));
	assert_int_equal(n_told(scratch), 0);
	assert_ok(scratch, deferrals_end(scratch->ledger, "anna", INT64_MAX, &scratch->err));
	assert_ok(scratch, deferrals_put(scratch->ledger, "anna", "1.0.9",
					 SCRATCH_NOW_USEC - 8 * DAY, "a turn", &scratch->err));
	assert_ok(scratch, rollout_put_off(&rollout, "anna", "1.1.0", "a turn", &scratch->err));
	assert_ok(scratch, rollout_put_off(&rollout, "anna", "1.1.0", "a turn", &scratch->err));
	assert_int_equal(n_told(scratch), 1);
	assert_ok(scratch, deferrals_get(scratch->ledger, "anna", &row, &scratch->err));
	assert_int_equal(row.told_usec, SCRATCH_NOW_USEC);
}

static void who_asked_to_wait_waits_until_then(void **state)
{
	struct scratch *scratch = *state;
	struct rollout rollout = { .env = scratch->env, .ledger = scratch->ledger };
	struct deferral row = { .not_before_usec = SCRATCH_NOW_USEC };
	char why[DEFERRALS_WHY_BYTES] = "";

	assert_false(rollout_is_to_wait(&rollout, NULL, why));
	assert_false(rollout_is_to_wait(&rollout, &row, why));
	row.not_before_usec++;
	assert_true(rollout_is_to_wait(&rollout, &row, why));
	assert_contains(why, "they asked to wait until ");
	rollout.only = "anna";
	assert_false(rollout_is_to_wait(&rollout, &row, why));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_is_told_once, scratch_setup_ledger,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(who_asked_to_wait_waits_until_then,
						scratch_setup_ledger, scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
