/* test_update_timer.c - update.window of devvm.yaml in a drop-in of the timer. */
#include "scratch.h"

#include "steps/update_timer.h"

#define VENDOR "usr/lib/systemd/system/devvm-update.timer"
#define DROPIN "etc/systemd/system/devvm-update.timer.d/50-devvm-window.conf"
#define HEAD                                                                                       \
	"# Written by devvm from update.window and update.jitter of /etc/devvm/devvm.yaml.\n"      \
	"[Timer]\nOnCalendar=\n"

static int check(struct scratch *scratch)
{
	struct step_context context = { .env = &scratch->env,
					.config = &scratch->config,
					.machine = &scratch->view };
	enum step_verdict verdict = STEP_UNSET;
	char what[STEP_WHAT_BYTES];

	assert_ok(scratch, update_timer_check(&context, &verdict, what, &scratch->err));
	return (int)verdict;
}

static void apply(struct scratch *scratch)
{
	struct step_context context = { .env = &scratch->env,
					.config = &scratch->config,
					.machine = &scratch->view };

	assert_ok(scratch, update_timer_apply(&context, &scratch->err));
	assert_int_equal(check(scratch), STEP_FINE);
}

static void a_machine_without_the_timer_is_left_alone(void **state)
{
	assert_int_equal(check(*state), STEP_SKIPPED);
}

static void the_window_is_written_and_systemd_is_to_reload(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *note = NULL;

	scratch_write(scratch, VENDOR, "", 0644);
	scratch_write(scratch, "usr/lib/systemd/system/playwright-mcp@.socket", "", 0644);
	assert_int_equal(check(scratch), STEP_DIFFERS);
	apply(scratch);
	assert_file(scratch, DROPIN, HEAD "OnCalendar=*-*-* 03:00:00\nRandomizedDelaySec=90min\n");
	scratch->config.update_window = (struct config_window){ .first = 1385, .last = 60 };
	assert_int_equal(check(scratch), STEP_DIFFERS);
	apply(scratch);
	assert_file(scratch, DROPIN, HEAD "OnCalendar=*-*-* 23:05:00\nRandomizedDelaySec=115min\n");
	scratch->config.update_jitter = 0;
	assert_int_equal(check(scratch), STEP_DIFFERS);
	apply(scratch);
	assert_file(scratch, DROPIN, HEAD "OnCalendar=*-*-* 23:05:00\nRandomizedDelaySec=0min\n");
	scratch->config.update_jitter = 20;
	apply(scratch);
	assert_file(scratch, DROPIN, HEAD "OnCalendar=*-*-* 23:05:00\nRandomizedDelaySec=20min\n");
	assert_ok(scratch, ledger_get_meta(scratch->ledger, "units-pending", &note, &scratch->err));
	assert_non_null(note);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_machine_without_the_timer_is_left_alone),
		TEST(the_window_is_written_and_systemd_is_to_reload),
	};

	return cmocka_run_group_tests_name("update-timer", tests, NULL, NULL);
}
