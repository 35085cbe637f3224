/* test_rollout_notify.c - which ends of a run somebody is told of, with what, and what becomes of a telling that fails. */
#include "fake_manager.h"

#include <sys/stat.h>
#include <syslog.h>

#include "ledger/events.h"
#include "rollout/notify.h"

#define MESSAGE NOTIFY_FOLDER "/12"

static struct rollout rollout_of(struct scratch *scratch, const char *text)
{
	struct rollout rollout = { .env = scratch->env, .ledger = scratch->ledger };

	assert_int_equal(str_list_add(&rollout.config.update_notify, "/usr/bin/tell"), 0);
	(void)snprintf(rollout.text, sizeof(rollout.text), "%s", text);
	return rollout;
}

static int set_up(void **state)
{
	int r = scratch_setup_ledger(state);
	struct scratch *scratch = *state;

	fake_manager_reset();
	scratch_write(scratch, "usr/bin/tell", "#!/bin/sh\n", 0755);
	scratch_make_folder(scratch, "run/devvm", 0755);
	return r;
}

static void only_what_wants_a_person_is_told(void **state)
{
	struct scratch *scratch = *state;
	struct rollout rollout = rollout_of(scratch, "so it is");

	for (int i = UPDATE_UNSET; i < UPDATE_N_OUTCOMES; i++) {
		enum update_outcome outcome = (enum update_outcome)i;

		fake_manager.asked[0] = '\0';
		rollout_notify(&rollout, 12, "1.1.0", outcome);
		assert_string_equal(fake_manager.asked,
				    update_outcome_row(outcome)->priority <= LOG_WARNING
					    ? "queue devvm-notify@12.service; "
					    : "");
	}
	str_list_done(&rollout.config.update_notify);
	fake_manager.asked[0] = '\0';
	rollout_notify(&rollout, 12, "1.1.0", UPDATE_BAD);
	assert_asked("");
}

static void the_message_is_roots_and_has_four_lines(void **state)
{
	struct scratch *scratch = *state;
	struct rollout rollout = rollout_of(scratch, "bad:\nwith\tben \x1b[31m$(x)");

	rollout_notify(&rollout, 12, "1.1.0", UPDATE_ROLLED_BACK);
	assert_file(scratch, MESSAGE, "rolled-back\n12\n1.1.0\nbad: with ben  [31m$(x)\n");
	assert_int_equal(scratch_mode(scratch, MESSAGE), 0600);
	assert_int_equal(scratch_mode(scratch, NOTIFY_FOLDER), 0700);
	rollout_notify(&rollout, 12, "", UPDATE_FAILED);
	assert_file(scratch, MESSAGE, "failed\n12\n\nbad: with ben  [31m$(x)\n");
	memset(rollout.text, 'x', sizeof(rollout.text) - 1); /* as long as one can be */
	rollout_notify(&rollout, 12, "1.1.0", UPDATE_FAILED);
	assert_true(scratch_has(scratch, MESSAGE));
	str_list_done(&rollout.config.update_notify);
}

static char *newest_event(struct scratch *scratch)
{
	char *dump = scratch_dump_ledger(scratch);
	char *event = strstr(dump, "nobody was told");
	char *copy = event ? strndup(event, strcspn(event, "\n")) : NULL;

	free(dump);
	return copy;
}

static void what_cannot_be_started_is_an_event(void **state)
{
	struct scratch *scratch = *state;
	struct rollout rollout = rollout_of(scratch, "x");
	DV_AUTO_FREE char *missing = NULL;
	DV_AUTO_FREE char *down = NULL;

	fake_manager.fails = "devvm-notify@13.service";
	rollout_notify(&rollout, 13, "1.1.0", UPDATE_BAD);
	down = newest_event(scratch);
	assert_non_null(down);
	assert_non_null(strstr(down, "nobody was told of run 13: queue devvm-notify@13.service: "
				     "failed; see update.notify in devvm.yaml"));
	scratch_close_ledger(scratch);
	assert_int_equal(unlinkat(scratch->env.root_dirfd, LEDGER_PATH, 0), 0);
	scratch_open_ledger(scratch);
	rollout.ledger = scratch->ledger;
	assert_int_equal(unlinkat(scratch->env.root_dirfd, "usr/bin/tell", 0), 0);
	rollout_notify(&rollout, 14, "1.1.0", UPDATE_BAD);
	missing = newest_event(scratch);
	assert_non_null(missing);
	assert_non_null(
		strstr(missing, "nobody was told of run 14: run /usr/bin/tell: No such file"));
	str_list_done(&rollout.config.update_notify);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define AT(test) cmocka_unit_test_setup_teardown(test, set_up, scratch_teardown)
		AT(only_what_wants_a_person_is_told),
		AT(the_message_is_roots_and_has_four_lines),
		AT(what_cannot_be_started_is_an_event),
	};

	return cmocka_run_group_tests_name("rollout_notify", tests, NULL, NULL);
}
