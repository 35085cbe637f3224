/* test_settle.c - what systemd runs against what the ledger says, with as few questions and
 * reloads as there can be. */
#include "fake_manager.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "steps/settle.h"
#include "steps/settle_note.h"

#define VENDOR "usr/lib/systemd/system/"
#define LOOKED "run/devvm/settled"
#define SOCKET(user) "playwright-mcp@" user ".socket"

static struct scratch *current;

static int setup(void **state)
{
	int r = scratch_setup_ledger(state);

	current = *state;
	fake_manager_reset();
	scratch_write(current, VENDOR "playwright-mcp@.socket", "", 0644);
	scratch_write(current, VENDOR "t3-serve@.service", "", 0644);
	scratch_make_folder(current, "run/devvm", 0755);
	scratch_add_person(current, "emo", 0, PEOPLE_LOGIN_NONE);
	return r;
}

static struct step_context context_of(struct scratch *scratch)
{
	return (struct step_context){ .env = &scratch->env,
				      .config = &scratch->config,
				      .machine = &scratch->view };
}

static int check(struct scratch *scratch, char ret_what[static STEP_WHAT_BYTES])
{
	struct step_context context = context_of(scratch);
	enum step_verdict verdict = STEP_UNSET;

	assert_ok(scratch, settle_check(&context, &verdict, ret_what, &scratch->err));
	return (int)verdict;
}

static int apply(struct scratch *scratch)
{
	struct step_context context = context_of(scratch);

	return settle_apply(&context, &scratch->err);
}

static void note(struct scratch *scratch, enum settle_note what)
{
	scratch->view.settle_noted = 0;
	assert_ok(scratch, settle_note(&scratch->view, what, &scratch->err));
}

static bool is_due(struct scratch *scratch)
{
	bool due = false;

	assert_ok(scratch, settle_is_due(&scratch->view, &due, &scratch->err));
	return due;
}

/* The file of the last look, `minutes` before the clock of the test. */
static void looked(struct scratch *scratch, int minutes)
{
	time_t at = SCRATCH_NOW_USEC / 1000000 - minutes * 60;
	const struct timespec times[] = { { .tv_sec = at }, { .tv_sec = at } };

	scratch_write(scratch, LOOKED, "", 0644);
	assert_int_equal(utimensat(scratch->env.root_dirfd, LOOKED, times, 0), 0);
}

static void park(struct scratch *scratch)
{
	DV_AUTO_PEOPLE_ROW struct people_row row = scratch_wanted("emo", 0);

	row.parked = true;
	assert_ok(scratch, people_put_wanted(scratch->ledger, &row, &scratch->err));
}

static void what_was_noted_is_done_and_forgotten(void **state)
{
	struct scratch *scratch = *state;
	char what[STEP_WHAT_BYTES];

	looked(scratch, 1);
	note(scratch, SETTLE_PEOPLE);
	assert_int_equal(check(scratch, what), STEP_DIFFERS);
	assert_int_equal(fake_manager.n_lists, 0);
	assert_ok(scratch, apply(scratch));
	assert_asked("start " SOCKET("emo") "; "); /* one that systemd does not know is read then */
	assert_int_equal(check(scratch, what), STEP_FINE);
	assert_int_equal(fake_manager.n_lists, 1);
}

static void a_changed_file_of_a_loaded_unit_is_reloaded_first(void **state)
{
	struct scratch *scratch = *state;

	fake_manager.loaded = SOCKET("emo") " inactive\n";
	note(scratch, SETTLE_PEOPLE);
	assert_ok(scratch, apply(scratch));
	assert_asked("reload; start " SOCKET("emo") "; ");
	fake_manager.loaded = SOCKET("emo") " active\n";
	note(scratch, SETTLE_RELOAD);
	assert_ok(scratch, apply(scratch));
	assert_asked("reload; ");
}

static void parked_people_are_stopped_sockets_first(void **state)
{
	struct scratch *scratch = *state;

	fake_manager.loaded = "t3-serve@emo.service active\n"
			      "playwright-mcp@emo.service activating\n"
			      "ttyd@emo.service failed\n" SOCKET("emo") " active\n";
	park(scratch);
	note(scratch, SETTLE_PEOPLE);
	assert_ok(scratch, apply(scratch));
	assert_asked("stop " SOCKET(
		"emo") "; stop t3-serve@emo.service; stop playwright-mcp@emo.service; ");
}

static void who_left_is_stopped_too(void **state)
{
	struct scratch *scratch = *state;

	fake_manager.loaded = "t3-serve@emo.service active\n" SOCKET("emo") " active\n";
	assert_ok(scratch, people_set_left(scratch->ledger, "emo", &scratch->err));
	note(scratch, SETTLE_PEOPLE);
	assert_ok(scratch, apply(scratch));
	assert_asked("stop " SOCKET("emo") "; stop t3-serve@emo.service; ");
}

static void what_runs_is_left_alone(void **state)
{
	struct scratch *scratch = *state;

	fake_manager.loaded = SOCKET("emo") " active\n"
					    "t3-serve@emo.service active\n"
					    "t3-serve@stranger.service active\n"
					    "ttyd@emo.socket active\n";
	note(scratch, SETTLE_PEOPLE);
	assert_ok(scratch, apply(scratch));
	assert_asked("");
}

static void with_start_always_t3_is_started(void **state)
{
	struct scratch *scratch = *state;

	scratch->config.instances_start = CONFIG_START_ALWAYS;
	fake_manager.loaded = SOCKET("emo") " active\n";
	note(scratch, SETTLE_PEOPLE);
	assert_ok(scratch, apply(scratch));
	assert_asked("start t3-serve@emo.service; ");
}

static void who_has_no_account_yet_has_to_wait(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_PEOPLE_ROW struct people_row row = scratch_wanted("wizard", 1);

	assert_ok(scratch, people_put_wanted(scratch->ledger, &row, &scratch->err));
	fake_manager.loaded = SOCKET("emo") " active\n";
	note(scratch, SETTLE_PEOPLE);
	assert_ok(scratch, apply(scratch));
	assert_asked("");
}

static void one_that_fails_is_tried_again_without_a_reload(void **state)
{
	struct scratch *scratch = *state;
	char what[STEP_WHAT_BYTES];

	looked(scratch, 1);
	fake_manager.fails = SOCKET("emo");
	note(scratch, SETTLE_PEOPLE);
	assert_int_equal(apply(scratch), -EIO);
	assert_string_equal(scratch->err.text, "start " SOCKET("emo") ": failed");
	assert_asked("start " SOCKET("emo") "; ");
	assert_int_equal(check(scratch, what), STEP_DIFFERS);
	fake_manager.loaded = SOCKET("emo") " failed\n";
	fake_manager.fails = NULL;
	assert_ok(scratch, apply(scratch));
	assert_asked("start " SOCKET("emo") "; ");
	assert_int_equal(check(scratch, what), STEP_FINE);
}

static void without_a_bus_the_note_stays(void **state)
{
	struct scratch *scratch = *state;
	char what[STEP_WHAT_BYTES];

	note(scratch, SETTLE_PEOPLE);
	fake_manager.is_down = true;
	assert_int_equal(apply(scratch), -ENOTCONN);
	assert_int_equal(check(scratch, what), STEP_DIFFERS);
}

static void note_meanwhile(void)
{
	if (fake_manager.n_lists > 1)
		return;
	current->env.fixed_usec++;
	note(current, SETTLE_RELOAD);
}

static void what_is_noted_meanwhile_is_done_too(void **state)
{
	struct scratch *scratch = *state;
	char what[STEP_WHAT_BYTES];

	looked(scratch, 0);
	note(scratch, SETTLE_PEOPLE);
	fake_manager.on_list = note_meanwhile;
	assert_ok(scratch, apply(scratch));
	assert_asked("start " SOCKET("emo") "; reload; start " SOCKET("emo") "; ");
	scratch->env.fixed_usec += 60000000;
	assert_int_equal(check(scratch, what), STEP_FINE);
}

static void a_stopped_socket_is_found_once_an_hour(void **state)
{
	struct scratch *scratch = *state;
	char what[STEP_WHAT_BYTES];

	looked(scratch, 50);
	assert_int_equal(check(scratch, what), STEP_FINE);
	assert_int_equal(fake_manager.n_lists, 0);
	looked(scratch, 56);
	assert_int_equal(check(scratch, what), STEP_DIFFERS);
	assert_string_equal(what, "start 1 and stop 0 units, first " SOCKET("emo"));
	assert_ok(scratch, apply(scratch));
	assert_asked("start " SOCKET("emo") "; ");
	looked(scratch, 56);
	fake_manager.loaded = SOCKET("emo") " active\n";
	assert_int_equal(check(scratch, what), STEP_FINE);
}

static void the_reconcile_starts_it_where_there_is_something_to_do(void **state)
{
	struct scratch *scratch = *state;

	assert_true(is_due(scratch)); /* after a boot */
	looked(scratch, 10);
	assert_false(is_due(scratch));
	looked(scratch, 60);
	assert_true(is_due(scratch));
	looked(scratch, -600); /* the clock was set back */
	assert_true(is_due(scratch));
	looked(scratch, 10);
	note(scratch, SETTLE_PEOPLE);
	assert_true(is_due(scratch));
}

static void a_note_of_this_run_is_renewed_at_its_end(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *before = NULL;
	DV_AUTO_FREE char *after = NULL;

	note(scratch, SETTLE_PEOPLE);
	note(scratch, SETTLE_RELOAD);
	assert_ok(scratch,
		  ledger_get_meta(scratch->ledger, "units-pending", &before, &scratch->err));
	assert_string_equal(before, "3 1760000000000000");
	scratch->env.fixed_usec++;
	assert_true(is_due(scratch));
	assert_ok(scratch,
		  ledger_get_meta(scratch->ledger, "units-pending", &after, &scratch->err));
	assert_string_equal(after, "3 1760000000000001");
}

static void without_the_package_there_is_nothing_to_do(void **state)
{
	struct scratch *scratch = *state;
	char what[STEP_WHAT_BYTES];

	assert_ok(scratch, file_remove(scratch->env.root_dirfd, VENDOR "playwright-mcp@.socket",
				       &scratch->err));
	note(scratch, SETTLE_PEOPLE);
	assert_int_equal(check(scratch, what), STEP_SKIPPED);
	assert_false(is_due(scratch));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_noted_is_done_and_forgotten),
		TEST(a_changed_file_of_a_loaded_unit_is_reloaded_first),
		TEST(parked_people_are_stopped_sockets_first),
		TEST(who_left_is_stopped_too),
		TEST(what_runs_is_left_alone),
		TEST(with_start_always_t3_is_started),
		TEST(who_has_no_account_yet_has_to_wait),
		TEST(one_that_fails_is_tried_again_without_a_reload),
		TEST(without_a_bus_the_note_stays),
		TEST(what_is_noted_meanwhile_is_done_too),
		TEST(a_stopped_socket_is_found_once_an_hour),
		TEST(the_reconcile_starts_it_where_there_is_something_to_do),
		TEST(a_note_of_this_run_is_renewed_at_its_end),
		TEST(without_the_package_there_is_nothing_to_do),
	};

	return cmocka_run_group_tests_name("settle", tests, NULL, NULL);
}
