/* test_limits.c - the limits of devvm.yaml in the drop-ins of the templates that are there. */
#include "scratch.h"

#include "steps/limits.h"

#define VENDOR "usr/lib/systemd/system/"
#define T3 "etc/systemd/system/t3-serve@.service.d/50-devvm-limits.conf"
#define TTYD "etc/systemd/system/ttyd@.service.d/50-devvm-limits.conf"

static int check(struct scratch *scratch)
{
	struct step_context context = { .env = &scratch->env,
					.config = &scratch->config,
					.machine = &scratch->view };
	enum step_verdict verdict = STEP_UNSET;
	char what[STEP_WHAT_BYTES];

	assert_ok(scratch, limits_check(&context, &verdict, what, &scratch->err));
	return (int)verdict;
}

static void apply(struct scratch *scratch)
{
	struct step_context context = { .env = &scratch->env,
					.config = &scratch->config,
					.machine = &scratch->view };

	assert_ok(scratch, limits_apply(&context, &scratch->err));
	assert_int_equal(check(scratch), STEP_FINE);
}

static void a_machine_without_the_units_is_left_alone(void **state)
{
	assert_int_equal(check(*state), STEP_SKIPPED);
}

static void each_template_that_is_there_has_them(void **state)
{
	struct scratch *scratch = *state;

	scratch_write(scratch, VENDOR "t3-serve@.service", "", 0644);
	assert_int_equal(check(scratch), STEP_DIFFERS);
	apply(scratch);
	assert_file(scratch, T3,
		    "# Written by devvm from instances.* of /etc/devvm/devvm.yaml.\n[Service]\n"
		    "MemoryMax=8G\nTasksMax=4096\n");
	assert_int_equal(scratch_mode(scratch, T3), 0644);
	assert_false(scratch_has(scratch, TTYD));
	scratch_write(scratch, VENDOR "ttyd@.service", "", 0644);
	assert_int_equal(check(scratch), STEP_DIFFERS);
	apply(scratch);
	assert_true(scratch_has(scratch, TTYD));
}

static void a_change_is_written_and_systemd_is_to_reload(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *note = NULL;
	DV_AUTO_FREE char *text = NULL;

	scratch_write(scratch, VENDOR "t3-serve@.service", "", 0644);
	scratch_write(scratch, VENDOR "playwright-mcp@.socket", "", 0644);
	apply(scratch);
	scratch->config.instances_tasks_max = 99;
	assert_int_equal(check(scratch), STEP_DIFFERS);
	apply(scratch);
	text = scratch_read(scratch, T3);
	assert_contains(text, "TasksMax=99\n");
	assert_ok(scratch, ledger_get_meta(scratch->ledger, "units-pending", &note, &scratch->err));
	assert_contains(note, "2 ");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_machine_without_the_units_is_left_alone),
		TEST(each_template_that_is_there_has_them),
		TEST(a_change_is_written_and_systemd_is_to_reload),
	};

	return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
