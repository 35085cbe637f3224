/* test_rollout_bad.c - the bad versions beside the ledger: a new ledger has them, a forgiven one stays away. */
#include "scratch.h"

#include "ledger/known_bad.h"
#include "ledger/moves.h"
#include "rollout/back.h"
#include "rollout/bad.h"
#include "update/freeze.h"

static struct rollout rollout_of(const struct scratch *scratch)
{
	return (struct rollout){ .env = scratch->env, .ledger = scratch->ledger };
}

static bool is_bad(struct scratch *scratch, const char *version)
{
	DV_AUTO_FREE char *reason = NULL;

	assert_ok(scratch, known_bad_reason(scratch->ledger, version, &reason, &scratch->err));
	return reason;
}

static void a_new_ledger_has_them_again(void **state)
{
	struct scratch *scratch = *state;
	struct rollout rollout = rollout_of(scratch);

	assert_ok(scratch, rollout_import_bad(&rollout, &scratch->err));
	assert_ok(scratch, rollout_keep_bad(&rollout, &scratch->err));
	assert_false(scratch_has(scratch, ROLLOUT_BAD_FILE));
	assert_ok(scratch,
		  known_bad_add(scratch->ledger, "1.0.0", 1, 1, "it broke", &scratch->err));
	assert_ok(scratch, known_bad_add(scratch->ledger, "1.0.1", 2, 1, "too", &scratch->err));
	assert_ok(scratch, known_bad_forgive(scratch->ledger, "1.0.1", 3, &scratch->err));
	assert_ok(scratch, rollout_keep_bad(&rollout, &scratch->err));
	assert_file(scratch, ROLLOUT_BAD_FILE,
		    "# Versions of t3 that were found to be bad. Written by devvm; read by it when "
		    "its ledger is new.\n1.0.0 it broke\n");
	assert_int_equal(scratch_mode(scratch, ROLLOUT_BAD_FILE), 0600);
	/* What is forgiven since the file was written does not come back by it. */
	assert_ok(scratch, known_bad_forgive(scratch->ledger, "1.0.0", 4, &scratch->err));
	assert_ok(scratch, rollout_import_bad(&rollout, &scratch->err));
	assert_false(is_bad(scratch, "1.0.0"));
	scratch_close_ledger(scratch);
	assert_int_equal(unlinkat(scratch->env.root_dirfd, LEDGER_PATH, 0), 0);
	scratch_open_ledger(scratch);
	rollout = rollout_of(scratch);
	assert_false(is_bad(scratch, "1.0.0"));
	assert_ok(scratch, rollout_import_bad(&rollout, &scratch->err));
	assert_true(is_bad(scratch, "1.0.0"));
	assert_false(is_bad(scratch, "1.0.1"));
}

static void a_broken_file_is_told_by_its_line(void **state)
{
	static const char *const bad[] = { "1.0.0\n", "x broke\n", "1.0.0 a\x1b[31m\n",
					   "# a\n-1 b\n" };
	struct scratch *scratch = *state;
	struct rollout rollout = rollout_of(scratch);

	for (size_t i = 0; i < DV_COUNT(bad); i++) {
		scratch_write(scratch, ROLLOUT_BAD_FILE, bad[i], 0600);
		assert_int_equal(rollout_import_bad(&rollout, &scratch->err), -EINVAL);
		assert_contains(scratch->err.text, i == 3 ? ".kept:2: is no" : ".kept:1: is no");
	}
	assert_false(is_bad(scratch, "1.0.0"));
}

/* A sentence that was cut in the midst of a letter, or has two lines: it is what a run would refuse to read. */
static void what_is_kept_can_be_read_again(void **state)
{
	static const char *const reasons[] = { "cut caf\xc3", "two\nlines", "caf\xc3\xa9" };
	static const char *const versions[] = { "1.0.0", "1.0.1", "1.0.2" };
	struct scratch *scratch = *state;
	struct rollout rollout = rollout_of(scratch);

	for (size_t i = 0; i < DV_COUNT(reasons); i++)
		assert_ok(scratch,
			  rollout_condemn(&rollout, versions[i], 1, reasons[i], &scratch->err));
	assert_file(scratch, ROLLOUT_BAD_FILE,
		    "# Versions of t3 that were found to be bad. Written by devvm; read by it when "
		    "its ledger is new.\n1.0.2 caf\xc3\xa9\n1.0.1 two?lines\n1.0.0 cut caf?\n");
	scratch_close_ledger(scratch);
	assert_int_equal(unlinkat(scratch->env.root_dirfd, LEDGER_PATH, 0), 0);
	scratch_open_ledger(scratch);
	rollout = rollout_of(scratch);
	assert_ok(scratch, rollout_import_bad(&rollout, &scratch->err));
	for (size_t i = 0; i < DV_COUNT(versions); i++)
		assert_true(is_bad(scratch, versions[i]));
}

/* A full disk takes no file beside the ledger: nobody is to keep a bad version for that. */
static void a_rollback_goes_on_without_its_files(void **state)
{
	static const char *const full[] = { ROLLOUT_BAD_FILE, FREEZE_PATH };
	static const enum update_outcome outcomes[] = { UPDATE_ROLLED_BACK, UPDATE_FAILED };
	struct scratch *scratch = *state;
	struct rollout rollout = rollout_of(scratch);
	struct move_row row = { .name = "anna", .from = "1.0.0", .to = "1.1.0", .level = -1 };

	int64_t run = 0;

	scratch_add_person(scratch, "anna", 0, PEOPLE_LOGIN_NONE);
	scratch_make_folder(scratch, "opt/devvm/t3/people", 0755);
	assert_int_equal(symlinkat("../versions/1.1.0", scratch->env.root_dirfd,
				   "opt/devvm/t3/people/anna"),
			 0);
	assert_ok(scratch,
		  update_log_begin(scratch->ledger, 1, "1.0.0", "boot", &row.run, &scratch->err));
	assert_ok(scratch,
		  update_log_begin(scratch->ledger, 2, "1.1.0", "boot", &run, &scratch->err));
	for (size_t i = 0; i < DV_COUNT(full); i++) {
		DV_AUTO_MOVES struct moves moves = { 0 };

		row.state = UPDATE_STATE_MOVED;
		assert_ok(scratch, moves_enter(scratch->ledger, &row, 1, &scratch->err));
		scratch_make_folder(scratch, full[i], 0700);
		assert_int_equal(rollout_roll_back(&rollout, run, "1.1.0", "it broke"),
				 outcomes[i]);
		assert_ok(scratch,
			  moves_list(scratch->ledger, MOVES_ALL_RUNS, &moves, &scratch->err));
		/* What leads back is gone, which is found out when it is their turn. */
		assert_int_equal(moves.rows[0].state, UPDATE_STATE_STAYED);
		assert_true(is_bad(scratch, "1.1.0"));
		assert_int_equal(unlinkat(scratch->env.root_dirfd, full[i], AT_REMOVEDIR), 0);
		(void)unlinkat(scratch->env.root_dirfd, FREEZE_PATH, 0);
	}
}

static void one_broken_link_keeps_nobody_else_from_going(void **state)
{
	struct scratch *scratch = *state;
	struct rollout rollout = rollout_of(scratch);
	struct move_row row = {
		.from = "1.0.0", .to = "1.1.0", .level = -1, .state = UPDATE_STATE_MOVED
	};
	DV_AUTO_MOVES struct moves moves = { 0 };
	int64_t run = 0;

	scratch_add_person(scratch, "anna", 0, PEOPLE_LOGIN_NONE);
	scratch_add_person(scratch, "ben", 1, PEOPLE_LOGIN_NONE);
	scratch_write(scratch, "opt/devvm/t3/people/ben", "1.1.0", 0644);
	assert_int_equal(symlinkat("../versions/1.1.0", scratch->env.root_dirfd,
				   "opt/devvm/t3/people/anna"),
			 0);
	assert_ok(scratch,
		  update_log_begin(scratch->ledger, 1, "1.0.0", "boot", &row.run, &scratch->err));
	assert_ok(scratch,
		  update_log_begin(scratch->ledger, 2, "1.1.0", "boot", &run, &scratch->err));
	for (int i = 0; i < 2; i++) {
		(void)snprintf(row.name, sizeof(row.name), "%s", i == 0 ? "anna" : "ben");
		row.began_usec = i;
		assert_ok(scratch, moves_enter(scratch->ledger, &row, 1, &scratch->err));
	}
	assert_int_equal(rollout_roll_back(&rollout, run, "1.1.0", "it broke"), UPDATE_ROLLED_BACK);
	assert_contains(rollout.text, "anna kept it for now");
	assert_contains(rollout.text, "1 could not be brought back yet");
	assert_ok(scratch, moves_list(scratch->ledger, MOVES_ALL_RUNS, &moves, &scratch->err));
	assert_int_equal(moves_find(&moves, "anna")->state, UPDATE_STATE_STAYED);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, scratch_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_new_ledger_has_them_again),
		TEST(what_is_kept_can_be_read_again),
		TEST(a_rollback_goes_on_without_its_files),
		TEST(one_broken_link_keeps_nobody_else_from_going),
		TEST(a_broken_file_is_told_by_its_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
