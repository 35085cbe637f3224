/* test_rollout_run.c - which runs are over when they end, and which are left for the recovery to go on with. */
#include "scratch.h"

#include "ledger/moves.h"
#include "rollout/run.h"

/* In its canary, with what the journal has of one person. */
static struct rollout open_run(struct scratch *scratch, const char *name, enum update_state state)
{
	struct rollout rollout = { .env = scratch->env,
				   .ledger = scratch->ledger,
				   .state = UPDATE_STATE_CANARY,
				   .text = "write /var/lib/devvm/ledger.db: the disk is full" };
	struct move_row row = { .from = "1.0.0", .to = "1.1.0", .level = -1 };

	scratch_make_folder(scratch, "opt/devvm/t3/versions/1.0.0", 0755);
	(void)symlinkat("versions/1.0.0", scratch->env.root_dirfd, "opt/devvm/t3/current");
	assert_ok(scratch, update_log_begin(scratch->ledger, 1, "1.0.0", "boot", &rollout.id,
					    &scratch->err));
	assert_ok(scratch,
		  update_log_target(scratch->ledger, rollout.id, "1.1.0", "", &scratch->err));
	assert_ok(scratch, update_log_enter(scratch->ledger, rollout.id, 2, UPDATE_STATE_CANARY,
					    NULL, "1.1.0", &scratch->err));
	row.run = rollout.id;
	row.state = state;
	(void)snprintf(row.name, sizeof(row.name), "%s", name);
	assert_ok(scratch, moves_enter(scratch->ledger, &row, 3, &scratch->err));
	return rollout;
}

static bool is_open(struct scratch *scratch, struct rollout *rollout)
{
	DV_AUTO_UPDATE_RUN struct update_run run = { 0 };

	assert_ok(scratch, rollout_close(rollout, UPDATE_FAILED, &scratch->err));
	assert_ok(scratch, update_log_open(scratch->ledger, &run, &scratch->err));
	return run.id == rollout->id;
}

static void a_version_that_failed_is_judged_later(void **state)
{
	struct scratch *scratch = *state;
	struct rollout rollout = open_run(scratch, "anna", UPDATE_STATE_FAILED);

	assert_true(is_open(scratch, &rollout));
}

static void where_there_is_no_verdict_to_be_it_is_over(void **state)
{
	struct scratch *scratch = *state;
	struct rollout rollout = open_run(scratch, "anna", UPDATE_STATE_MOVED);

	assert_false(is_open(scratch, &rollout));
	/* One that is current already is not judged by what happens to one person. */
	rollout = open_run(scratch, "ben", UPDATE_STATE_FAILED);
	assert_ok(scratch,
		  update_log_target(scratch->ledger, rollout.id, "1.0.0", "", &scratch->err));
	assert_false(is_open(scratch, &rollout));
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, scratch_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_version_that_failed_is_judged_later),
		TEST(where_there_is_no_verdict_to_be_it_is_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
