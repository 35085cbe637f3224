/* test_restore_finish.c - how a restore begins, and what the recovery does with one that was killed before its hold. */
#include "scratch.h"

#include "job/restore.h"
#include "steps/hold.h"

#define CGROUP "sys/fs/cgroup/system.slice/system-t3\\x2dserve.slice/t3-serve@anna.service"

static void who_works_again_is_asked_first(void **state)
{
	struct scratch *scratch = *state;
	struct restore run = { .env = scratch->env,
			       .ledger = scratch->ledger,
			       .row = { .name = "anna", .id = "20261127-031500" },
			       .lock_fd = -1,
			       .run_fd = -1 };
	DV_AUTO_RESTORES struct restores restores = { 0 };
	char done[ERROR_MAX_BYTES] = "";

	scratch_add_person(scratch, "anna", 0, PEOPLE_LOGIN_NONE);
	assert_ok(scratch, restores_begin(scratch->ledger, &run.row, &scratch->err));
	/* It runs, and nobody can tell what it does. */
	scratch_write(scratch, CGROUP "/cgroup.procs", "", 0644);
	assert_ok(scratch, restore_find_person(&run, &scratch->err));
	assert_int_equal(restore_finish(&run, done, &scratch->err), -EBUSY);
	assert_contains(scratch->err.text, "killed before anything was changed");
	assert_contains(scratch->err.text, "anna is at work");
	assert_false(hold_is_set(&scratch->env, "anna"));
	assert_ok(scratch, restores_list(scratch->ledger, &restores, &scratch->err));
	assert_int_equal(restores.n_rows, 1);
	dv_closep(&run.lock_fd);
	people_row_done(&run.person);
}

/* A run of the updater has removed it while the copy was held against its digest. */
static void for_a_version_that_has_gone_nothing_is_begun(void **state)
{
	struct scratch *scratch = *state;
	struct restore run = {
		.env = scratch->env,
		.ledger = scratch->ledger,
		.row = { .name = "anna", .id = "20261127-031500", .version = "1.0.0" },
		.lock_fd = -1,
		.run_fd = -1
	};
	DV_AUTO_RESTORES struct restores before = { 0 };
	DV_AUTO_RESTORES struct restores after = { 0 };

	assert_int_equal(restore_begin(&run, &scratch->err), -ENOENT);
	assert_contains(scratch->err.text, "devvmctl install t3 1.0.0 brings it");
	assert_ok(scratch, restores_list(scratch->ledger, &before, &scratch->err));
	assert_int_equal(before.n_rows, 0);
	scratch_make_folder(scratch, "opt/devvm/t3/versions/1.0.0", 0755);
	assert_ok(scratch, restore_begin(&run, &scratch->err));
	assert_ok(scratch, restores_list(scratch->ledger, &after, &scratch->err));
	assert_int_equal(after.n_rows, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_works_again_is_asked_first,
						scratch_setup_ledger, scratch_teardown),
		cmocka_unit_test_setup_teardown(for_a_version_that_has_gone_nothing_is_begun,
						scratch_setup_ledger, scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
