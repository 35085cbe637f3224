/* test_report.c - the verb report and what follows from it; and work, which a home job asks
 * before. */
#include "fake_daemon.h"

#define REPORT "report\nv=1\nuser=anna\ngeneration=1\n"
#define WORK "work\nv=1\nuser=anna\n"

/* A step of anna's in the ledger; "(none)" without one. */
static const char *logged(const struct fake *fake, const char *step)
{
	static char text[512];
	DV_AUTO_STEPS_LOG struct steps_log log = { 0 };

	assert_ok(fake->scratch,
		  steps_log_list(fake->scratch->ledger, "anna", &log, &fake->scratch->err));
	for (size_t i = 0; i < log.n_rows; i++) {
		if (strcmp(log.rows[i].step, step) != 0)
			continue;
		(void)snprintf(text, sizeof(text), "%s generation=%" PRId64 " attempts=%u %s %s",
			       log.rows[i].status == STEPS_LOG_OK ? "ok" : "failed",
			       log.rows[i].generation, log.rows[i].attempts,
			       log.rows[i].error ? log.rows[i].error : "-",
			       log.rows[i].fingerprint ? log.rows[i].fingerprint : "-");
		return text;
	}
	return "(none)";
}

static unsigned int n_events(const struct fake *fake, const char *text)
{
	DV_AUTO_EVENTS struct events events = { 0 };
	unsigned int n = 0;

	assert_ok(fake->scratch,
		  events_list(fake->scratch->ledger, 0, NULL, 100, &events, &fake->scratch->err));
	for (size_t i = 0; i < events.n_rows; i++)
		n += strcmp(events.rows[i].text, text) == 0;
	return n;
}

static void a_result_is_kept(void **state)
{
	const struct fake *fake = *state;

	fake_person(fake, "anna", 0, "power-user");
	assert_string_equal(fake_ask(fake, 1001, REPORT "step=code\nstatus=ok\nfingerprint=v7\n"),
			    "done");
	assert_string_equal(logged(fake, "code"), "ok generation=1 attempts=0 - v7");
	assert_string_equal(fake_ask(fake, 1001,
				     REPORT "step=path\nstatus=failed\ntext=disk full\n"),
			    "done");
	assert_string_equal(logged(fake, "path"), "failed generation=1 attempts=1 disk full -");
}

static void running_is_no_result(void **state)
{
	const struct fake *fake = *state;

	fake_person(fake, "anna", 0, "power-user");
	assert_string_equal(fake_ask(fake, 1001, REPORT "step=code\nstatus=running\n"), "done");
	assert_string_equal(logged(fake, "code"), "(none)");
}

static void a_failure_and_its_end_are_events_once(void **state)
{
	const struct fake *fake = *state;

	fake_person(fake, "anna", 0, "power-user");
	assert_string_equal(fake_ask(fake, 1001, REPORT "step=code\nstatus=ok\n"), "done");
	assert_int_equal(n_events(fake, "works again"), 0);
	assert_string_equal(fake_ask(fake, 1001,
				     REPORT "step=code\nstatus=failed\ntext=no network\n"),
			    "done");
	assert_int_equal(n_events(fake, "no network"), 1);
	assert_string_equal(fake_ask(fake, 1001, REPORT "step=code\nstatus=ok\n"), "done");
	assert_string_equal(fake_ask(fake, 1001, REPORT "step=code\nstatus=ok\n"), "done");
	assert_int_equal(n_events(fake, "works again"), 1);
}

static void people_report_their_own_home_steps_alone(void **state)
{
	const struct fake *fake = *state;

	fake_person(fake, "anna", 0, "power-user");
	fake_person(fake, "bob", 1, "admin");
	assert_string_equal(fake_ask(fake, 1002, REPORT "step=code\nstatus=ok\n"),
			    "error code=denied text=report is only for root, the person it is "
			    "about");
	assert_string_equal(fake_ask(fake, 1001, REPORT "step=account\nstatus=ok\n"),
			    "error code=denied text=account is no step of a home job");
	assert_string_equal(fake_ask(fake, 1001, REPORT "step=nonsense\nstatus=ok\n"),
			    "error code=denied text=nonsense is no step of a home job");
	assert_string_equal(fake_ask(fake, 1001, REPORT "step=code\nstatus=change\n"),
			    "error code=denied text=only root reports a plan");
	assert_string_equal(logged(fake, "account"), "(none)");
	assert_string_equal(fake_ask(fake, 0, REPORT "step=account\nstatus=ok\n"), "done");
	assert_string_equal(logged(fake, "account"), "ok generation=1 attempts=0 - -");
}

static void a_job_that_was_overtaken_writes_nothing(void **state)
{
	const struct fake *fake = *state;
	struct scratch *scratch = fake->scratch;

	fake_person(fake, "anna", 0, "power-user");
	fake_person(fake, "anna", 0, "admin"); /* generation 2 */
	assert_string_equal(fake_ask(fake, 1001, REPORT "step=code\nstatus=ok\n"),
			    "error code=denied text=the report is stale: anna is at generation 2");
	assert_ok(scratch, people_set_left(scratch->ledger, "anna", &scratch->err));
	assert_string_equal(fake_ask(fake, 0, REPORT "step=code\nstatus=ok\n"),
			    "error code=not-found text=anna is not on the roster");
	assert_string_equal(logged(fake, "code"), "(none)");
}

static void what_makes_no_sense_is_refused(void **state)
{
	static const char *const reports[] = {
		REPORT "step=code\nstatus=fine\n",
		REPORT "step=code\nstatus=ok\nn=10000\n",
		REPORT "step=code\nstatus=ok\nof=x\n",
		REPORT "step=code\nstatus=ok\nown-login=own\n",
		REPORT "step=facts\nstatus=ok\nown-login=unknown\n",
		"report\nv=1\nuser=anna\ngeneration=-1\nstep=code\nstatus=ok\n",
		"report\nv=1\nuser=anna\ngeneration=\nstep=code\nstatus=ok\n",
		"report\nv=1\nuser=\ngeneration=1\nstep=code\nstatus=ok\n",
		"report\nv=1\nuser=../anna\ngeneration=1\nstep=code\nstatus=ok\n",
		REPORT "status=ok\nstep="
		       "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg\n",
	};
	const struct fake *fake = *state;

	fake_person(fake, "anna", 0, "power-user");
	for (size_t i = 0; i < DV_COUNT(reports); i++)
		assert_contains(fake_ask(fake, 0, reports[i]), "error code=bad-request");
	assert_string_equal(logged(fake, "code"), "(none)");
}

static void a_login_found_in_the_home_is_kept_and_acted_on(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_PEOPLE_ROW struct people_row person = { 0 };

	fake_person(fake, "anna", 0, "power-user");
	assert_string_equal(fake_ask(fake, 1001, REPORT "step=facts\nstatus=ok\nown-login=none\n"),
			    "done");
	assert_int_equal(fake_starts("devvm-reconcile@anna.service"), 0); /* known before */
	assert_string_equal(fake_ask(fake, 1001,
				     REPORT "step=facts\nstatus=failed\nown-login=unreadable\n"),
			    "done");
	person = scratch_person(fake->scratch, "anna");
	assert_int_equal(person.login, PEOPLE_LOGIN_UNREADABLE);
	assert_int_equal(fake_starts("devvm-reconcile@anna.service"), 1);
}

static void while_the_ledger_is_locked_results_wait(void **state)
{
	const struct fake *fake = *state;
	sqlite3 *beside = scratch_open_beside(fake->scratch);

	fake_person(fake, "anna", 0, "power-user");
	assert_int_equal(sqlite3_exec(beside, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_string_equal(fake_ask(fake, 1001, REPORT "step=code\nstatus=ok\n"), "done");
	assert_string_equal(fake_ask(fake, 1001,
				     REPORT "step=path\nstatus=failed\ntext=disk full\n"),
			    "done");
	fake_pass_ms(fake, 1000);
	assert_string_equal(logged(fake, "code"), "(none)");
	assert_true(reports_wait(fake->daemon->reports, "anna"));
	assert_int_equal(sqlite3_exec(beside, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	fake_pass_ms(fake, 100);
	assert_string_equal(logged(fake, "code"), "ok generation=1 attempts=0 - -");
	assert_string_equal(logged(fake, "path"), "failed generation=1 attempts=1 disk full -");
	assert_false(reports_wait(fake->daemon->reports, "anna"));
	(void)sqlite3_close(beside);
}

/* The name went to somebody else while the report waited: it says nothing about them. */
static void a_change_while_results_wait_makes_them_stale(void **state)
{
	const struct fake *fake = *state;
	sqlite3 *beside = scratch_open_beside(fake->scratch);
	DV_AUTO_PEOPLE_ROW struct people_row person = { 0 };

	fake_person(fake, "anna", 0, "power-user");
	fake_person(fake, "bob", 1, "power-user");
	assert_int_equal(sqlite3_exec(beside, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_string_equal(fake_ask(fake, 1001, REPORT "step=facts\nstatus=ok\nown-login=none\n"),
			    "done");
	assert_string_equal(fake_ask(fake, 1002,
				     "report\nv=1\nuser=bob\ngeneration=1\n"
				     "step=facts\nstatus=ok\nown-login=own\n"),
			    "done");
	assert_int_equal(sqlite3_exec(beside,
				      "UPDATE people SET generation = 2, login = 'unknown'"
				      " WHERE name = 'anna'; COMMIT",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	fake_pass_ms(fake, 100);
	assert_false(reports_wait(fake->daemon->reports, "anna"));
	assert_string_equal(logged(fake, "facts"), "(none)");
	person = scratch_person(fake->scratch, "anna");
	assert_int_equal(person.login, PEOPLE_LOGIN_UNKNOWN);
	people_row_done(&person);
	person = scratch_person(fake->scratch, "bob");
	assert_int_equal(person.login, PEOPLE_LOGIN_OWN);
	(void)sqlite3_close(beside);
}

static void only_so_many_results_wait(void **state)
{
	const struct fake *fake = *state;
	const struct reports_item item = {
		.user = "anna", .step = "code", .status = STEPS_LOG_OK, .generation = 1
	};
	sqlite3 *beside = scratch_open_beside(fake->scratch);

	fake_person(fake, "anna", 0, "power-user");
	assert_int_equal(sqlite3_exec(beside, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	for (int i = 0; i < REPORTS_MAX; i++)
		assert_int_equal(reports_add(fake->daemon->reports, &item), 0);
	assert_string_equal(fake_ask(fake, 1001, REPORT "step=code\nstatus=ok\n"),
			    "error code=busy text=too many reports wait for the ledger");
	assert_int_equal(sqlite3_exec(beside, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	fake_pass_ms(fake, 100);
	assert_string_equal(fake_ask(fake, 1001, REPORT "step=code\nstatus=ok\n"), "done");
	(void)sqlite3_close(beside);
}

/* work */

static void work_says_all_that_a_home_job_needs(void **state)
{
	const struct fake *fake = *state;
	struct scratch *scratch = fake->scratch;
	DV_AUTO_PEOPLE_ROW struct people_row row = scratch_wanted("anna", 0);
	DV_AUTO_CLOSE int fd = -1;

	free(row.layout);
	free(row.repos);
	row.layout = strdup("workspace");
	row.repos = strdup("notes\nplotting-book");
	assert_ok(scratch, people_put_wanted(scratch->ledger, &row, &scratch->err));
	assert_ok(scratch, people_set_account(scratch->ledger, "anna", PEOPLE_ACCOUNT_CREATED, 1001,
					      &scratch->err));
	scratch_write(scratch, CONFIG_PATH, "code:\n  remote: https://git.example/{repo}.git\n",
		      0644);
	fake_pass_ms(fake, 600);
	fd = fake_connect(fake, FAKE_HELPER, 1001);
	fake_say(fake, fd, WORK);
	assert_heard(fake, fd,
		     "row kind=work user=anna generation=1 layout=workspace repos=notes "
		     "plotting-book code-remote=https://git.example/{repo}.git shell=/bin/bash "
		     "t3-port=3773 playwright-port=8931");
	assert_heard(fake, fd, "done generation=1");
}

static void work_names_the_steps_whose_retry_has_not_come(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;
	int64_t until = 0;

	fake_person(fake, "anna", 0, "power-user");
	fake_step(fake, "anna", "account", STEPS_LOG_FAILED, "no step of the home");
	fake_step(fake, "anna", "path", STEPS_LOG_OK, NULL);
	fake_step(fake, "anna", "code", STEPS_LOG_FAILED, "no network");
	fd = fake_connect(fake, FAKE_HELPER, 1001);
	fake_say(fake, fd, WORK);
	assert_heard(fake, fd,
		     "row kind=work user=anna generation=1 layout=single shell=/bin/bash "
		     "t3-port=3773 playwright-port=8931");
	assert_int_equal(sscanf(fake_hear(fake, fd), "row kind=hold step=code until=%" SCNd64,
				&until),
			 1);
	assert_true(until > SCRATCH_NOW_USEC);
	assert_heard(fake, fd, "done generation=1");
	fake->scratch->env.fixed_usec = until;
	fake_say(fake, fd, WORK);
	assert_contains(fake_hear(fake, fd), "kind=work");
	assert_heard(fake, fd, "done generation=1");
}

static void ensure_lifts_the_holds(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	fake_person(fake, "anna", 0, "power-user");
	fake_step(fake, "anna", "code", STEPS_LOG_FAILED, "no network");
	assert_string_equal(fake_ask(fake, 1001, "ensure\nv=1\nuser=anna\n"), "done");
	fake_end(fake, "devvm-reconcile@anna.service", "done");
	fd = fake_connect(fake, FAKE_HELPER, 1001);
	fake_say(fake, fd, WORK);
	assert_contains(fake_hear(fake, fd), "kind=work");
	assert_heard(fake, fd, "done generation=1");
}

static void a_change_of_the_roster_lifts_the_holds(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	fake_person(fake, "anna", 0, "power-user");
	fake_step(fake, "anna", "code", STEPS_LOG_FAILED, "no network");
	fake_person(fake, "anna", 0, "admin");
	fd = fake_connect(fake, FAKE_HELPER, 1001);
	fake_say(fake, fd, WORK);
	assert_contains(fake_hear(fake, fd), "kind=work");
	assert_heard(fake, fd, "done generation=2");
}

static void there_is_no_work_for_others(void **state)
{
	const struct fake *fake = *state;

	fake_person(fake, "anna", 0, "power-user");
	fake_person(fake, "bob", 1, "admin");
	assert_string_equal(fake_ask(fake, 1002, WORK),
			    "error code=denied text=work is only for root, the person it is "
			    "about");
	assert_string_equal(fake_ask(fake, 0, "work\nv=1\nuser=nobody\n"),
			    "error code=not-found text=nobody is not on the roster");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_result_is_kept),
		TEST(running_is_no_result),
		TEST(a_failure_and_its_end_are_events_once),
		TEST(people_report_their_own_home_steps_alone),
		TEST(a_job_that_was_overtaken_writes_nothing),
		TEST(what_makes_no_sense_is_refused),
		TEST(a_login_found_in_the_home_is_kept_and_acted_on),
		TEST(while_the_ledger_is_locked_results_wait),
		TEST(a_change_while_results_wait_makes_them_stale),
		TEST(only_so_many_results_wait),
		TEST(work_says_all_that_a_home_job_needs),
		TEST(work_names_the_steps_whose_retry_has_not_come),
		TEST(ensure_lifts_the_holds),
		TEST(a_change_of_the_roster_lifts_the_holds),
		TEST(there_is_no_work_for_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
