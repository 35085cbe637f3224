/* test_rollout_drain.c - whom a version is kept from that asks for it alone. */
#include "fake_manager.h"

#include "ledger/update_log.h"
#include "ledger/update_notes.h"
#include "rollout/drain.h"

#define T3 "opt/devvm/t3/"

static void set_up_versions(struct scratch *scratch)
{
	scratch_make_folder(scratch, T3 "versions/1.0.0", 0755);
	scratch_make_folder(scratch, T3 "versions/1.1.0", 0755);
	scratch_make_folder(scratch, T3 "people", 0755);
	assert_int_equal(symlinkat("versions/1.1.0", scratch->env.root_dirfd, T3 "current"), 0);
	assert_int_equal(symlinkat("../versions/1.0.0", scratch->env.root_dirfd, T3 "people/anna"),
			 0);
	scratch_write(scratch, "proc/sys/kernel/random/boot_id", "boot\n", 0644);
}

/* What is current now is what she has a database for that does not go with it. */
static void whom_the_gate_excluded_does_not_get_it_by_asking(void **state)
{
	struct scratch *scratch = *state;
	struct rollout rollout = { .env = scratch->env,
				   .ledger = scratch->ledger,
				   .config.update_order = CONFIG_ORDER_NAME,
				   .only = "anna" };
	DV_AUTO_STR_LIST struct str_list excluded = { 0 };
	DV_AUTO_UPDATE_STEPS struct update_steps steps = { 0 };
	enum update_outcome outcome = UPDATE_UNSET;

	fake_manager_reset();
	set_up_versions(scratch);
	scratch_add_person(scratch, "anna", 0, PEOPLE_LOGIN_NONE);
	assert_int_equal(str_list_add(&excluded, "anna"), 0);
	assert_ok(scratch, update_note_gated(scratch->ledger, "1.1.0", "sha512-x", "1.0.0", 1,
					     &excluded, &scratch->err));
	assert_ok(scratch, rollout_drain(&rollout, &outcome, &scratch->err));
	assert_contains(rollout.text, "1 keep what they have (anna)");
	assert_int_equal(outcome, UPDATE_DEFERRED);
	assert_ok(scratch, update_log_steps(scratch->ledger, rollout.id, &steps, &scratch->err));
	for (size_t i = 0; i < steps.n_rows; i++)
		assert_null(steps.rows[i].person); /* nothing was begun with her */
	str_list_done(&rollout.excluded);
}

/* Somebody has removed the link: there is no version to stop anybody's t3 for. */
static void where_nothing_is_current_there_is_nothing_to_give(void **state)
{
	struct scratch *scratch = *state;
	struct rollout rollout = { .env = scratch->env,
				   .ledger = scratch->ledger,
				   .config.update_order = CONFIG_ORDER_NAME,
				   .only = "anna" };
	enum update_outcome outcome = UPDATE_UNSET;

	fake_manager_reset();
	set_up_versions(scratch);
	assert_int_equal(unlinkat(scratch->env.root_dirfd, T3 "current", 0), 0);
	scratch_add_person(scratch, "anna", 0, PEOPLE_LOGIN_NONE);
	assert_ok(scratch, rollout_drain(&rollout, &outcome, &scratch->err));
	assert_int_equal(outcome, UPDATE_CURRENT);
	assert_int_equal(rollout.id, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(whom_the_gate_excluded_does_not_get_it_by_asking,
						scratch_setup_ledger, scratch_teardown),
		cmocka_unit_test_setup_teardown(where_nothing_is_current_there_is_nothing_to_give,
						scratch_setup_ledger, scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
