/* test_update_log.c - the journal of the updater: states are added, runs are closed once, and whoever comes
 * after a kill finds where it was. */
#include "scratch.h"

#include "ledger/update_log.h"
#include "ledger/update_notes.h"

static int64_t begin(struct scratch *scratch, int64_t at_usec)
{
	int64_t id = 0;

	assert_ok(scratch,
		  update_log_begin(scratch->ledger, at_usec, "1.0.0", "boot", &id, &scratch->err));
	assert_true(id > 0);
	return id;
}

static void a_run_from_its_beginning_to_its_end(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_UPDATE_RUN struct update_run run = { 0 };
	DV_AUTO_UPDATE_STEPS struct update_steps steps = { 0 };
	int64_t id = begin(scratch, 100);

	assert_ok(scratch,
		  update_log_target(scratch->ledger, id, "2.0.0", "sha512-x", &scratch->err));
	assert_ok(scratch, update_log_enter(scratch->ledger, id, 200, UPDATE_STATE_GUARD, NULL,
					    "2.0.0", &scratch->err));
	assert_ok(scratch, update_log_enter(scratch->ledger, id, 300, UPDATE_STATE_STAGE, "anna",
					    "2.0.0", &scratch->err));
	assert_ok(scratch, update_log_last(scratch->ledger, &run, &scratch->err));
	assert_int_equal(run.id, id);
	assert_int_equal(run.ended_usec, 0);
	assert_int_equal(run.state, UPDATE_STATE_STAGE);
	update_run_done(&run);
	assert_ok(scratch,
		  update_log_end(scratch->ledger, id, 400, "staged", "well", &scratch->err));
	assert_ok(scratch, update_log_last(scratch->ledger, &run, &scratch->err));
	assert_int_equal(run.began_usec, 100);
	assert_int_equal(run.ended_usec, 400);
	assert_int_equal(run.state, UPDATE_STATE_ENDED);
	assert_string_equal(run.from, "1.0.0");
	assert_string_equal(run.to, "2.0.0");
	assert_string_equal(run.integrity, "sha512-x");
	assert_string_equal(run.outcome, "staged");
	assert_string_equal(run.reason, "well");
	assert_string_equal(run.boot, "boot");
	assert_ok(scratch, update_log_steps(scratch->ledger, id, &steps, &scratch->err));
	assert_int_equal(steps.n_rows, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(steps.rows[i].seq, i + 1);
		assert_int_equal(steps.rows[i].at_usec, 100 * (i + 1));
	}
	assert_int_equal(steps.rows[0].state, UPDATE_STATE_RESOLVE);
	assert_null(steps.rows[1].person);
	assert_string_equal(steps.rows[2].person, "anna");
	assert_int_equal(steps.rows[3].state, UPDATE_STATE_ENDED);
}

static void what_is_ended_stays_as_it_is(void **state)
{
	struct scratch *scratch = *state;
	int64_t id = begin(scratch, 1);
	DV_AUTO_FREE char *before = NULL;
	DV_AUTO_FREE char *after = NULL;

	assert_ok(scratch, update_log_end(scratch->ledger, id, 2, "staged", "", &scratch->err));
	before = scratch_dump_ledger(scratch);
	assert_int_equal(update_log_end(scratch->ledger, id, 3, "failed", "", &scratch->err),
			 -EINVAL);
	assert_contains(scratch->err.text, "is not under way");
	assert_int_equal(update_log_enter(scratch->ledger, id, 3, UPDATE_STATE_GUARD, NULL, "",
					  &scratch->err),
			 -EINVAL);
	assert_int_equal(update_log_enter(scratch->ledger, id + 1, 3, UPDATE_STATE_GUARD, NULL, "",
					  &scratch->err),
			 -EINVAL);
	after = scratch_dump_ledger(scratch);
	assert_string_equal(before, after);
}

static void who_comes_after_a_kill_finds_where_it_was(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_UPDATE_RUN struct update_run run = { 0 };
	int64_t id;

	assert_ok(scratch, update_log_open(scratch->ledger, &run, &scratch->err));
	assert_int_equal(run.id, 0);
	id = begin(scratch, 1);
	assert_ok(scratch, update_log_enter(scratch->ledger, id, 2, UPDATE_STATE_GUARD, NULL, "x",
					    &scratch->err));
	scratch_close_ledger(scratch);
	scratch_open_ledger(scratch);
	assert_ok(scratch, update_log_open(scratch->ledger, &run, &scratch->err));
	assert_int_equal(run.id, id);
	assert_int_equal(run.state, UPDATE_STATE_GUARD);
	update_run_done(&run);
	assert_ok(scratch,
		  update_log_end(scratch->ledger, id, 3, "interrupted", "", &scratch->err));
	assert_ok(scratch, update_log_open(scratch->ledger, &run, &scratch->err));
	assert_int_equal(run.id, 0);
}

static void old_runs_go_with_their_states(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_UPDATE_RUNS struct update_runs runs = { 0 };
	DV_AUTO_UPDATE_STEPS struct update_steps steps = { 0 };

	for (int i = 0; i < UPDATE_LOG_KEPT + 3; i++) {
		int64_t id = begin(scratch, i);

		assert_ok(scratch,
			  update_log_end(scratch->ledger, id, i, "current", "", &scratch->err));
	}
	assert_ok(scratch,
		  update_log_list(scratch->ledger, UPDATE_LOG_KEPT + 10, &runs, &scratch->err));
	assert_int_equal(runs.n_rows, UPDATE_LOG_KEPT);
	assert_int_equal(runs.rows[0].id, UPDATE_LOG_KEPT + 3);
	assert_ok(scratch, update_log_steps(scratch->ledger, 1, &steps, &scratch->err));
	assert_int_equal(steps.n_rows, 0);
}

static void words_of_states(void **state DV_UNUSED)
{
	for (int i = UPDATE_STATE_UNSET + 1; i < UPDATE_N_STATES; i++)
		assert_int_equal(update_state_of(update_state_word((enum update_state)i)), i);
	assert_int_equal(update_state_of("unset"), UPDATE_STATE_UNSET);
	assert_int_equal(update_state_of(NULL), UPDATE_STATE_UNSET);
}

static void single_values(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *version = NULL;
	DV_AUTO_FREE char *outcome = NULL;
	DV_AUTO_FREE char *text = NULL;

	assert_ok(scratch, update_get_last_good(scratch->ledger, &version, &scratch->err));
	assert_string_equal(version, "");
	free(DV_TAKE_PTR(version));
	assert_ok(scratch, update_set_last_good(scratch->ledger, "1.0.0", &scratch->err));
	assert_ok(scratch, update_get_last_good(scratch->ledger, &version, &scratch->err));
	assert_string_equal(version, "1.0.0");
	assert_ok(scratch,
		  update_get_result(scratch->ledger, "run", &outcome, &text, &scratch->err));
	assert_null(outcome);
	assert_ok(scratch,
		  update_put_result(scratch->ledger, "run", "frozen", "on holiday", &scratch->err));
	assert_ok(scratch,
		  update_get_result(scratch->ledger, "run", &outcome, &text, &scratch->err));
	assert_string_equal(outcome, "frozen");
	assert_string_equal(text, "on holiday");
	free(DV_TAKE_PTR(outcome));
	free(DV_TAKE_PTR(text));
	assert_ok(scratch, update_put_result(scratch->ledger, "run", NULL, NULL, &scratch->err));
	assert_ok(scratch,
		  update_get_result(scratch->ledger, "run", &outcome, &text, &scratch->err));
	assert_null(outcome);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, scratch_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_run_from_its_beginning_to_its_end),
		TEST(what_is_ended_stays_as_it_is),
		TEST(who_comes_after_a_kill_finds_where_it_was),
		TEST(old_runs_go_with_their_states),
		cmocka_unit_test(words_of_states),
		TEST(single_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
