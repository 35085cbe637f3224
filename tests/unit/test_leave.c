/* test_leave.c - what runs for who left is stopped in order and once; a failure is tried again. */
#include "fake_manager.h"

#include "steps/leave.h"
#include "steps/settle_note.h"

#define HOME "devvm-home@emo.service"
#define T3 "t3-serve@emo.service"
#define SOCKET "playwright-mcp@emo.socket"

static int setup(void **state)
{
	int r = scratch_setup_ledger(state);

	fake_manager_reset();
	scratch_add_person(*state, "emo", 0, PEOPLE_LOGIN_NONE);
	return r;
}

static int apply(struct scratch *scratch)
{
	return scratch_apply_machine(scratch, step_find("leave"));
}

static int check(struct scratch *scratch)
{
	char what[STEP_WHAT_BYTES];

	return scratch_check_machine(scratch, step_find("leave"), what);
}

static bool is_due(struct scratch *scratch)
{
	bool due = false;

	assert_ok(scratch, settle_is_due(&scratch->view, &due, &scratch->err));
	return due;
}

static void what_runs_is_stopped_in_order(void **state)
{
	struct scratch *scratch = *state;

	fake_manager.loaded = "user@1001.service active\n" T3 " active\n" SOCKET " active\n" HOME
			      " activating\nttyd@emo.service failed\n"
			      "t3-serve@other.service active\n";
	assert_int_equal(check(scratch), STEP_FINE);
	assert_ok(scratch, people_set_left(scratch->ledger, "emo", &scratch->err));
	assert_int_equal(check(scratch), STEP_DIFFERS);
	assert_true(is_due(scratch));
	assert_ok(scratch, apply(scratch));
	assert_asked("await-stop " HOME "; await-stop " SOCKET "; await-stop " T3
		     "; await-stop user@1001.service; ");
	assert_int_equal(check(scratch), STEP_FINE);
	assert_false(is_due(scratch));
	assert_ok(scratch, apply(scratch));
	assert_asked("");
}

static void what_could_not_be_stopped_is_tried_again(void **state)
{
	struct scratch *scratch = *state;

	fake_manager.loaded = HOME " activating\n" T3 " active\n";
	fake_manager.fails = HOME;
	assert_ok(scratch, people_set_left(scratch->ledger, "emo", &scratch->err));
	assert_int_equal(apply(scratch), -EIO);
	assert_string_equal(scratch->err.text, "emo: await-stop " HOME ": failed");
	assert_asked("await-stop " HOME "; ");
	assert_int_equal(check(scratch), STEP_DIFFERS);
	fake_manager.fails = NULL;
	fake_manager.is_down = true;
	assert_int_equal(apply(scratch), -ENOTCONN);
	fake_manager.is_down = false;
	assert_ok(scratch, apply(scratch));
	assert_int_equal(check(scratch), STEP_FINE);
}

static void who_is_back_has_a_lingering_manager_again(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_PEOPLE_ROW struct people_row row = scratch_wanted("emo", 0);

	scratch_write(scratch, "var/lib/systemd/linger/emo", "", 0644);
	assert_ok(scratch, people_set_left(scratch->ledger, "emo", &scratch->err));
	assert_ok(scratch, apply(scratch));
	assert_ok(scratch, people_put_wanted(scratch->ledger, &row, &scratch->err));
	assert_int_equal(check(scratch), STEP_DIFFERS);
	assert_ok(scratch, apply(scratch));
	assert_asked("queue user@1001.service; ");
	assert_int_equal(check(scratch), STEP_FINE);
}

static void a_name_that_was_handed_on_is_not_cut_off(void **state)
{
	struct scratch *scratch = *state;

	assert_ok(scratch, people_set_left(scratch->ledger, "emo", &scratch->err));
	assert_ok(scratch, people_retire(scratch->ledger, "emo", &scratch->err));
	assert_int_equal(check(scratch), STEP_FINE);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_runs_is_stopped_in_order),
		TEST(what_could_not_be_stopped_is_tried_again),
		TEST(who_is_back_has_a_lingering_manager_again),
		TEST(a_name_that_was_handed_on_is_not_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
