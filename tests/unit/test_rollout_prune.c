/* test_rollout_prune.c - which versions stay at the end of a run. */
#include "scratch.h"

#include "ledger/moves.h"
#include "rollout/prune.h"

#define VERSIONS "opt/devvm/t3/versions/"

static struct rollout set_up(struct scratch *scratch)
{
	static const char *const versions[] = { "1.0.0", "1.1.0", "1.2.0", "1.3.0" };

	for (size_t i = 0; i < DV_COUNT(versions); i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), VERSIONS "%s", versions[i]);
		scratch_make_folder(scratch, path, 0755);
	}
	assert_int_equal(symlinkat("versions/1.3.0", scratch->env.root_dirfd,
				   "opt/devvm/t3/current"),
			 0);
	return (struct rollout){ .env = scratch->env,
				 .ledger = scratch->ledger,
				 .config.update_keep_versions = 1 };
}

static void what_nobody_needs_goes(void **state)
{
	struct scratch *scratch = *state;
	struct rollout rollout = set_up(scratch);

	assert_ok(scratch, rollout_prune(&rollout, &scratch->err));
	assert_false(scratch_has(scratch, VERSIONS "1.0.0"));
	assert_false(scratch_has(scratch, VERSIONS "1.1.0"));
	assert_false(scratch_has(scratch, VERSIONS "1.2.0"));
	assert_true(scratch_has(scratch, VERSIONS "1.3.0"));
}

/* Neither of them has a pointer of their own. */
static void what_is_not_finished_keeps_its_version(void **state)
{
	struct scratch *scratch = *state;
	struct rollout rollout = set_up(scratch);
	const struct restore_row restore = { .name = "anna",
					     .id = "20261127-031500",
					     .version = "1.0.0" };
	struct move_row move = { .name = "ben",
				 .from = "1.1.0",
				 .to = "1.3.0",
				 .state = UPDATE_STATE_UNDOING,
				 .level = -1 };

	assert_ok(scratch, restores_begin(scratch->ledger, &restore, &scratch->err));
	assert_ok(scratch,
		  update_log_begin(scratch->ledger, 1, "1.1.0", "boot", &move.run, &scratch->err));
	assert_ok(scratch, moves_enter(scratch->ledger, &move, 1, &scratch->err));
	assert_ok(scratch,
		  update_log_begin(scratch->ledger, 2, "1.3.0", "boot", &move.run, &scratch->err));
	assert_ok(scratch, rollout_prune(&rollout, &scratch->err));
	assert_true(scratch_has(scratch, VERSIONS "1.0.0"));
	assert_true(scratch_has(scratch, VERSIONS "1.1.0"));
	assert_false(scratch_has(scratch, VERSIONS "1.2.0"));
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, scratch_teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_nobody_needs_goes),
		TEST(what_is_not_finished_keeps_its_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
