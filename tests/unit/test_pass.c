/* test_pass.c - a reconcile's pass over one person, on a scratch machine: what is done, in
 * which order the ticket goes and comes, what a failure stops and what it does not. */
#include "scratch.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/log.h"
#include "job/pass.h"
#include "ledger/events.h"

#define TICKET "run/devvm/tickets/emo"
#define T3_FILE "etc/t3-serve/emo.env"
#define KEYS "etc/devvm/keys/emo"
#define PLAIN_TICKET                                                                               \
	"#devvm-ticket 1\nPATH=/home/emo/.local/bin:" SCRATCH_PATH                                 \
	"\nT3_PORT=3773\nPLAYWRIGHT_PORT=8931\n"

static int pass_over(struct scratch *scratch, const struct people_row *person, bool dry_run)
{
	DV_AUTO_STEPS_LOG struct steps_log failed = { 0 };
	struct pass_options options = { .view = &scratch->view,
					.failed = &failed,
					.dry_run = dry_run };

	assert_ok(scratch, steps_log_list_failed(scratch->ledger, &failed, &scratch->err));
	return pass_run(&options, STEP_RECONCILE, person, &scratch->err);
}

static void pass(struct scratch *scratch)
{
	DV_AUTO_PEOPLE_ROW struct people_row person = scratch_person(scratch, "emo");

	assert_ok(scratch, pass_over(scratch, &person, false));
}

/* emo with a key and a staged token, of whom nothing is done yet. */
static void put_emo(struct scratch *scratch)
{
	DV_AUTO_PEOPLE_ROW struct people_row row = scratch_wanted("emo", 0);

	free(row.ssh_keys);
	row.ssh_keys = strdup("ssh-ed25519 A");
	scratch_stage_token(scratch, SCRATCH_TOKEN);
	scratch_add_account(scratch, "emo", 1001);
	assert_ok(scratch, people_put_wanted(scratch->ledger, &row, &scratch->err));
	assert_ok(scratch,
		  people_set_login(scratch->ledger, "emo", PEOPLE_LOGIN_NONE, &scratch->err));
}

/* "step status attempts: error" a line. */
static void assert_log(struct scratch *scratch, const char *expected)
{
	DV_AUTO_STEPS_LOG struct steps_log log = { 0 };
	char text[2048] = "";
	size_t n = 0;

	assert_ok(scratch, steps_log_list(scratch->ledger, "emo", &log, &scratch->err));
	for (size_t i = 0; i < log.n_rows; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s %s %u%s%s\n",
				      log.rows[i].step,
				      log.rows[i].status == STEPS_LOG_OK ? "ok" : "failed",
				      log.rows[i].attempts, log.rows[i].error ? ": " : "",
				      log.rows[i].error ? log.rows[i].error : "");
	assert_string_equal(text, expected);
}

static void a_new_person_has_everything_and_then_a_ticket(void **state)
{
	struct scratch *scratch = *state;

	put_emo(scratch);
	pass(scratch);
	assert_file(scratch, T3_FILE, "T3_PORT=3773\nCLAUDE_CODE_OAUTH_TOKEN=" SCRATCH_TOKEN "\n");
	assert_file(scratch, "etc/t3-serve/playwright-emo.env", "PLAYWRIGHT_PORT=8931\n");
	assert_file(scratch, KEYS, "ssh-ed25519 A\n");
	assert_file(scratch, TICKET, PLAIN_TICKET "CLAUDE_CODE_OAUTH_TOKEN=" SCRATCH_TOKEN "\n");
	assert_log(scratch, "account ok 0\nkeys ok 0\nports ok 0\nticket ok 0\ntoken ok 0\n");
}

static void what_was_done_is_an_event(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_EVENTS struct events events = { 0 };
	char text[1024] = "";

	put_emo(scratch);
	pass(scratch);
	assert_ok(scratch, events_list(scratch->ledger, 0, "emo", 10, &events, &scratch->err));
	for (size_t i = 0; i < events.n_rows; i++)
		(void)strcat(strcat(strcat(strcat(text, events.rows[i].step), ": "),
				    events.rows[i].text),
			     "\n");
	assert_string_equal(text, "account: note the account with uid 1001\n"
				  "ports: write T3_PORT=3773 to /etc/t3-serve/emo.env, "
				  "write PLAYWRIGHT_PORT=8931 to "
				  "/etc/t3-serve/playwright-emo.env\n"
				  "token: give the shared claude token\n"
				  "keys: write /etc/devvm/keys/emo\n"
				  "ticket: write the ticket\n");
}

static void a_second_pass_writes_nothing(void **state)
{
	struct scratch *scratch = *state;
	sqlite3 *other = scratch_open_beside(scratch);
	struct stat before = { 0 }, after = { 0 };
	int version;

	put_emo(scratch);
	pass(scratch);
	version = scratch_data_version(other);
	assert_int_equal(fstatat(scratch->env.root_dirfd, TICKET, &before, 0), 0);
	pass(scratch);
	assert_int_equal(fstatat(scratch->env.root_dirfd, TICKET, &after, 0), 0);
	assert_int_equal(after.st_ino, before.st_ino);
	assert_int_equal(scratch_data_version(other), version);
	(void)sqlite3_close(other);
}

static void a_changed_token_is_in_the_ticket_at_once(void **state)
{
	struct scratch *scratch = *state;

	put_emo(scratch);
	pass(scratch);
	scratch_stage_token(scratch, "sk-ant-oat01-next");
	pass(scratch);
	assert_file(scratch, TICKET, PLAIN_TICKET "CLAUDE_CODE_OAUTH_TOKEN=sk-ant-oat01-next\n");
	assert_ok(scratch,
		  people_set_login(scratch->ledger, "emo", PEOPLE_LOGIN_OWN, &scratch->err));
	pass(scratch);
	assert_file(scratch, TICKET, PLAIN_TICKET);
	assert_file(scratch, T3_FILE, "T3_PORT=3773\n");
}

/* Nothing can be written below etc/t3-serve, though nothing there is wrong. */
static void break_env_folder(struct scratch *scratch)
{
	scratch_make_folder(scratch, "etc", 0755);
	assert_int_equal(symlinkat("nowhere", scratch->env.root_dirfd, "etc/t3-serve"), 0);
}

static void a_failed_step_stops_what_needs_it_and_no_more(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_STEPS_LOG struct steps_log log = { 0 };
	const struct steps_log_row *ports;

	put_emo(scratch);
	break_env_folder(scratch);
	scratch_write(scratch, TICKET, "#devvm-ticket 1\nT3_PORT=1\n", 0600);
	pass(scratch);
	assert_file(scratch, KEYS, "ssh-ed25519 A\n");
	assert_file(scratch, TICKET, "(none)"); /* it needs the ports */
	assert_ok(scratch, steps_log_list(scratch->ledger, "emo", &log, &scratch->err));
	ports = steps_log_find(&log, "emo", "ports");
	assert_int_equal(ports->status, STEPS_LOG_FAILED);
	assert_contains(ports->error, "etc/t3-serve");
	assert_int_equal(steps_log_find(&log, "emo", "keys")->status, STEPS_LOG_OK);
	assert_int_equal(steps_log_find(&log, "emo", "account")->status, STEPS_LOG_OK);
	assert_null(steps_log_find(&log, "emo", "ticket"));
}

static void the_next_pass_heals_it(void **state)
{
	struct scratch *scratch = *state;

	put_emo(scratch);
	break_env_folder(scratch);
	pass(scratch);
	pass(scratch);
	assert_ok(scratch, file_remove(scratch->env.root_dirfd, "etc/t3-serve", &scratch->err));
	pass(scratch);
	assert_file(scratch, TICKET, PLAIN_TICKET "CLAUDE_CODE_OAUTH_TOKEN=" SCRATCH_TOKEN "\n");
	assert_log(scratch, "account ok 0\nkeys ok 0\nports ok 0\nticket ok 0\ntoken ok 0\n");
}

/* It is fine again without our doing: the failure must not stand for ever. */
static void a_failure_that_went_away_is_forgotten(void **state)
{
	struct scratch *scratch = *state;

	put_emo(scratch);
	pass(scratch);
	scratch_make_folder(scratch, "other", 0755);
	assert_int_equal(renameat(scratch->env.root_dirfd, T3_FILE, scratch->env.root_dirfd,
				  "other/file"),
			 0);
	assert_int_equal(symlinkat("../../other/file", scratch->env.root_dirfd, T3_FILE), 0);
	pass(scratch);
	assert_log(scratch, "account ok 0\nkeys ok 0\n"
			    "ports failed 1: open etc/t3-serve/emo.env: "
			    "Too many levels of symbolic links\n"
			    "ticket ok 0\n"
			    "token failed 1: open etc/t3-serve/emo.env: "
			    "Too many levels of symbolic links\n");
	assert_int_equal(renameat(scratch->env.root_dirfd, "other/file", scratch->env.root_dirfd,
				  T3_FILE),
			 0);
	pass(scratch);
	assert_log(scratch, "account ok 0\nkeys ok 0\nports ok 0\nticket ok 0\ntoken ok 0\n");
}

/* A ticket says that all is as it should be: while it cannot be taken away, nothing of
 * the person is changed. */
static void without_taking_the_ticket_nothing_is_changed(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_PEOPLE_ROW struct people_row row = { 0 };

	put_emo(scratch);
	scratch_make_folder(scratch, TICKET, 0700); /* unlink(2) refuses a folder */
	pass(scratch);
	row = scratch_person(scratch, "emo");
	assert_int_equal(row.account, PEOPLE_ACCOUNT_UNKNOWN);
	assert_file(scratch, T3_FILE, "(none)");
	assert_file(scratch, KEYS, "(none)");
	assert_log(scratch, "account failed 1: remove run/devvm/tickets/emo: Is a directory\n"
			    "ports failed 1: remove run/devvm/tickets/emo: Is a directory\n"
			    "token failed 1: remove run/devvm/tickets/emo: Is a directory\n");
}

static void who_was_changed_meanwhile_is_left_to_the_next(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_PEOPLE_ROW struct people_row person = { 0 };
	DV_AUTO_PEOPLE_ROW struct people_row next = scratch_wanted("emo", 0);

	put_emo(scratch);
	person = scratch_person(scratch, "emo");
	assert_ok(scratch, people_put_wanted(scratch->ledger, &next, &scratch->err));
	assert_ok(scratch, pass_over(scratch, &person, false));
	assert_file(scratch, T3_FILE, "(none)");
	assert_file(scratch, TICKET, "(none)");
	assert_log(scratch, "");
}

static void who_left_meanwhile_gets_nothing_back(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_PEOPLE_ROW struct people_row person = { 0 };

	put_emo(scratch);
	pass(scratch);
	person = scratch_person(scratch, "emo");
	assert_ok(scratch, people_set_left(scratch->ledger, "emo", &scratch->err));
	assert_ok(scratch, file_remove(scratch->env.root_dirfd, TICKET, &scratch->err));
	assert_ok(scratch, file_remove(scratch->env.root_dirfd, KEYS, &scratch->err));
	assert_ok(scratch, pass_over(scratch, &person, false));
	assert_file(scratch, TICKET, "(none)");
	assert_file(scratch, KEYS, "(none)");
}

static void what_a_killed_job_left_is_swept_away(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *before = NULL;
	DV_AUTO_FREE char *after = NULL;

	put_emo(scratch);
	pass(scratch);
	scratch_write(scratch, "etc/t3-serve/devvm-mine", "an administrator's\n", 0644);
	before = scratch_dump_tree(scratch);
	scratch_write(scratch, "etc/t3-serve/.devvm-0123456789abcdef", "T3_PO", 0600);
	scratch_write(scratch, "etc/devvm/keys/.devvm-0123456789abcdef", "", 0600);
	scratch_write(scratch, "run/devvm/tickets/.devvm-0123456789abcdef", "", 0600);
	pass_sweep(&scratch->env);
	after = scratch_dump_tree(scratch);
	assert_string_equal(after, before);
}

static void sweeping_an_empty_machine_is_no_harm(void **state)
{
	struct scratch *scratch = *state;

	pass_sweep(&scratch->env);
	assert_false(scratch_has(scratch, "etc"));
}

static void others_are_not_touched(void **state)
{
	struct scratch *scratch = *state;

	put_emo(scratch);
	scratch_add_person(scratch, "wizard", 1, PEOPLE_LOGIN_NONE);
	scratch_write(scratch, "run/devvm/tickets/wizard", "#devvm-ticket 1\n", 0600);
	pass(scratch);
	assert_file(scratch, "run/devvm/tickets/wizard", "#devvm-ticket 1\n");
	assert_file(scratch, "etc/t3-serve/wizard.env", "(none)");
}

/* Standard output while a dry run prints. */
static char *print_dry_run(struct scratch *scratch, const struct people_row *person)
{
	DV_AUTO_CLOSE int before = -1;
	DV_AUTO_CLOSE int captured = memfd_create("stdout", MFD_CLOEXEC);
	char *text = calloc(1, 4096);

	assert_true(captured >= 0 && text);
	(void)fflush(stdout);
	before = dup(STDOUT_FILENO);
	assert_true(dup2(captured, STDOUT_FILENO) >= 0);
	assert_ok(scratch, pass_over(scratch, person, true));
	(void)fflush(stdout);
	assert_true(dup2(before, STDOUT_FILENO) >= 0);
	assert_true(pread(captured, text, 4095, 0) >= 0);
	return text;
}

static void a_dry_run_prints_the_plan_and_touches_nothing(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_PEOPLE_ROW struct people_row person = { 0 };
	DV_AUTO_FREE char *tree = NULL;
	DV_AUTO_FREE char *ledger = NULL;
	DV_AUTO_FREE char *tree_after = NULL;
	DV_AUTO_FREE char *ledger_after = NULL;
	DV_AUTO_FREE char *printed = NULL;

	put_emo(scratch);
	person = scratch_person(scratch, "emo");
	tree = scratch_dump_tree(scratch);
	ledger = scratch_dump_ledger(scratch);
	printed = print_dry_run(scratch, &person);
	assert_string_equal(printed, "~ emo account: note the account with uid 1001\n"
				     "+ emo ports: write T3_PORT=3773 to /etc/t3-serve/emo.env\n"
				     "+ emo ports: write PLAYWRIGHT_PORT=8931 to "
				     "/etc/t3-serve/playwright-emo.env\n"
				     "+ emo token: give the shared claude token\n"
				     "+ emo keys: write /etc/devvm/keys/emo\n"
				     "+ emo ticket: write the ticket\n");
	tree_after = scratch_dump_tree(scratch);
	ledger_after = scratch_dump_ledger(scratch);
	assert_string_equal(tree_after, tree);
	assert_string_equal(ledger_after, ledger);
	assert_false(scratch_has(scratch, "run"));
}

static void a_plan_says_what_it_cannot_know(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_PEOPLE_ROW struct people_row person = { 0 };
	DV_AUTO_FREE char *printed = NULL;

	put_emo(scratch);
	person = scratch_person(scratch, "emo");
	scratch_make_folder(scratch, "etc/t3-serve/playwright-emo.env", 0755);
	printed = print_dry_run(scratch, &person);
	assert_contains(printed, "! emo ports: ");
	assert_contains(printed, "etc/t3-serve/playwright-emo.env is not a regular file");
	assert_contains(printed, "+ emo keys: ");
	/* What needs it is not guessed at. */
	assert_null(strstr(printed, "ticket"));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_person_has_everything_and_then_a_ticket),
		TEST(what_was_done_is_an_event),
		TEST(a_second_pass_writes_nothing),
		TEST(a_changed_token_is_in_the_ticket_at_once),
		TEST(a_failed_step_stops_what_needs_it_and_no_more),
		TEST(the_next_pass_heals_it),
		TEST(a_failure_that_went_away_is_forgotten),
		TEST(without_taking_the_ticket_nothing_is_changed),
		TEST(who_was_changed_meanwhile_is_left_to_the_next),
		TEST(who_left_meanwhile_gets_nothing_back),
		TEST(what_a_killed_job_left_is_swept_away),
		TEST(sweeping_an_empty_machine_is_no_harm),
		TEST(others_are_not_touched),
		TEST(a_dry_run_prints_the_plan_and_touches_nothing),
		TEST(a_plan_says_what_it_cannot_know),
	};

	log_init("test_pass", LOG_CRIT); /* the failures here are asked for */
	return cmocka_run_group_tests_name("pass", tests, NULL, NULL);
}
