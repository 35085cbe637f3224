/* test_wait.c - ensure, wait and reconcile: what is started for them, what those who wait
 * are told, and that leaving changes nothing. */
#include "fake_daemon.h"

#define WAIT_ANNA "wait\nv=1\nuser=anna\n"
#define ENSURE_ANNA "ensure\nv=1\nuser=anna\n"
#define ENSURE_ANNA_WAIT "ensure\nv=1\nuser=anna\nwait=1\n"
#define REPORT "report\nv=1\nuser=anna\ngeneration=1\n"
#define RUNS_CODE REPORT "step=code\nstatus=running\ntext=cloning repositories\nn=2\nof=3\n"

static int say(const struct fake *fake, uid_t uid, const char *packet)
{
	int fd = fake_connect(fake, FAKE_HELPER, uid);

	fake_say(fake, fd, packet);
	return fd;
}

static void nothing_to_wait_for(void **state)
{
	const struct fake *fake = *state;

	fake_person(fake, "anna", 0, "power-user");
	assert_string_equal(fake_ask(fake, 1001, WAIT_ANNA), "done");
	assert_string_equal(fake_ask(fake, 0, "wait\nv=1\nuser=nobody\n"), "done");
}

static void waiting_shows_the_current_step_and_then_each(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	fake_person(fake, "anna", 0, "power-user");
	assert_int_equal(daemon_request_home(fake->daemon, "anna", QUEUE_LOGIN), 0);
	fake_turn(fake);
	assert_string_equal(fake_ask(fake, 1001, RUNS_CODE), "done");
	fd = say(fake, 1001, WAIT_ANNA);
	assert_heard(fake, fd,
		     "progress user=anna step=code status=running text=cloning repositories n=2 "
		     "of=3");
	assert_heard(fake, fd, "(nothing)");
	assert_string_equal(fake_ask(fake, 1001, REPORT "step=code\nstatus=ok\nn=2\nof=3\n"),
			    "done");
	assert_heard(fake, fd, "progress user=anna step=code status=ok n=2 of=3");
	fake_end(fake, "devvm-home@anna.service", "done");
	assert_heard(fake, fd, "done");
	assert_heard(fake, fd, "(nothing)"); /* and may ask again */
}

static void waiting_is_over_when_the_job_is_though_it_failed(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	fake_person(fake, "anna", 0, "power-user");
	assert_int_equal(daemon_request_home(fake->daemon, "anna", QUEUE_LOGIN), 0);
	fd = say(fake, 1001, WAIT_ANNA);
	assert_heard(fake, fd, "(nothing)");
	fake_end(fake, "devvm-home@anna.service", "failed");
	assert_heard(fake, fd, "done");
}

static void somebody_with_a_ticket_does_not_wait_for_a_reconcile(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	fake_person(fake, "anna", 0, "power-user");
	daemon_on_change(fake->daemon);
	fd = say(fake, 1001, WAIT_ANNA);
	assert_heard(fake, fd, "(nothing)");
	fake_ticket(fake, "anna");
	assert_string_equal(fake_ask(fake, 1001, WAIT_ANNA), "done");
}

static void a_slow_reader_gets_the_latest_and_the_end(void **state)
{
	const struct fake *fake = *state;
	const char *heard = "";
	char last[128] = "";
	DV_AUTO_CLOSE int fd = -1;
	const int small = 4096;

	fake_person(fake, "anna", 0, "power-user");
	assert_int_equal(daemon_request_home(fake->daemon, "anna", QUEUE_LOGIN), 0);
	fd = say(fake, 1001, WAIT_ANNA);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	for (int i = 1; i <= 500; i++) {
		char report[256];

		(void)snprintf(report, sizeof(report),
			       REPORT "step=code\nstatus=running\nn=%d\nof=500\n", i);
		assert_string_equal(fake_ask(fake, 1001, report), "done");
	}
	fake_end(fake, "devvm-home@anna.service", "done");
	while (strcmp(heard = fake_hear(fake, fd), "done") != 0)
		(void)snprintf(last, sizeof(last), "%.127s", heard);
	assert_string_equal(last, "progress user=anna step=code status=running n=500 of=500");
}

static void ensure_reconciles_and_then_runs_the_home_job(void **state)
{
	const struct fake *fake = *state;

	fake_person(fake, "anna", 0, "power-user");
	fake_all_home_steps(fake, "anna"); /* nothing is due */
	assert_string_equal(fake_ask(fake, 1001, ENSURE_ANNA), "done");
	assert_false(fake_runs("devvm-home@anna.service"));
	fake_end(fake, "devvm-reconcile@anna.service", "done");
	assert_true(fake_runs("devvm-home@anna.service"));
}

static void reconcile_of_somebody_unknown(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = say(fake, 0, "reconcile\nv=1\nuser=anna\n");

	fake_end(fake, "devvm-reconcile@anna.service", "done");
	assert_heard(fake, fd, "error code=not-found text=anna is not on the roster");
}

static void ensure_of_somebody_unknown(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	assert_string_equal(fake_ask(fake, 0, ENSURE_ANNA),
			    "error code=not-found text=anna is not on the roster");
	daemon_on_change(fake->daemon); /* perhaps in a roster that was just written */
	fd = say(fake, 0, ENSURE_ANNA_WAIT);
	assert_heard(fake, fd, "(nothing)");
	fake_end(fake, "devvm-reconcile.service", "done");
	fake_end(fake, "devvm-reconcile@anna.service", "done");
	assert_heard(fake, fd, "error code=not-found text=anna is not on the roster");
	assert_int_equal(fake_starts("devvm-home@anna.service"), 0);
}

static void who_waits_for_ensure_hears_the_end(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	fake_person(fake, "anna", 0, "power-user");
	fd = say(fake, 1001, ENSURE_ANNA_WAIT);
	fake_end(fake, "devvm-reconcile@anna.service", "done");
	assert_string_equal(fake_ask(fake, 1001, RUNS_CODE), "done");
	assert_heard(fake, fd,
		     "progress user=anna step=code status=running text=cloning repositories n=2 "
		     "of=3");
	fake_end(fake, "devvm-home@anna.service", "done");
	assert_heard(fake, fd, "done");
}

static void who_waits_for_ensure_hears_what_failed(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	fake_person(fake, "anna", 0, "power-user");
	fd = say(fake, 1001, ENSURE_ANNA_WAIT);
	fake_end(fake, "devvm-reconcile@anna.service", "done");
	assert_string_equal(fake_ask(fake, 1001,
				     REPORT "step=code\nstatus=failed\ntext=no network\n"),
			    "done");
	assert_string_equal(fake_ask(fake, 1001,
				     REPORT "step=path\nstatus=failed\ntext=disk full\n"),
			    "done");
	assert_heard(fake, fd, "progress user=anna step=code status=failed text=no network");
	assert_heard(fake, fd, "progress user=anna step=path status=failed text=disk full");
	fake_end(fake, "devvm-home@anna.service", "done");
	assert_heard(fake, fd,
		     "error code=failed text=2 steps failed: code: no network; path: disk full");
}

static void a_home_job_that_cannot_run_is_a_failure(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	fake_person(fake, "anna", 0, "power-user");
	fd = say(fake, 1001, ENSURE_ANNA_WAIT);
	fake_end(fake, "devvm-reconcile@anna.service", "done");
	fake_end(fake, "devvm-home@anna.service", "timeout");
	assert_heard(fake, fd,
		     "error code=failed text=the home job: devvm-home@anna.service: timeout; see "
		     "journalctl -u devvm-home@anna.service");
}

static void who_leaves_changes_nothing(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int other = -1;
	int fd;

	fake_person(fake, "anna", 0, "power-user");
	fd = say(fake, 1001, ENSURE_ANNA_WAIT);
	other = say(fake, 1001, ENSURE_ANNA_WAIT);
	(void)close(fd);
	fake_turn(fake);
	fake_end(fake, "devvm-reconcile@anna.service", "done");
	fake_end(fake, "devvm-home@anna.service", "done");
	assert_heard(fake, other, "done");
	assert_int_equal(fake_starts("devvm-home@anna.service"), 1);
}

static void others_see_nothing_of_it(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	fake_person(fake, "anna", 0, "power-user");
	fake_person(fake, "bob", 1, "power-user");
	assert_int_equal(daemon_request_home(fake->daemon, "bob", QUEUE_LOGIN), 0);
	fd = say(fake, 1002, "wait\nv=1\nuser=bob\n");
	assert_string_equal(fake_ask(fake, 1001, RUNS_CODE), "done");
	assert_heard(fake, fd, "(nothing)");
	assert_string_equal(fake_ask(fake, 1002, WAIT_ANNA),
			    "error code=denied text=wait is only for root, admins, the front door, "
			    "the person it is about");
}

static void a_reconcile_is_one_that_began_after_the_request(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int first = say(fake, 0, "reconcile\nv=1\n");
	DV_AUTO_CLOSE int second = say(fake, 0, "reconcile\nv=1\n");

	fake_end(fake, "devvm-reconcile.service", "done");
	assert_heard(fake, first, "done");
	assert_heard(fake, second, "(nothing)");
	fake_end(fake, "devvm-reconcile.service", "failed");
	assert_contains(fake_hear(fake, second), "error code=failed text=devvm-reconcile.service: "
						 "failed");
}

static void a_refused_roster_is_told_with_its_line_and_not_tried_again(void **state)
{
	const struct fake *fake = *state;
	struct scratch *scratch = fake->scratch;
	DV_AUTO_CLOSE int fd = say(fake, 0, "reconcile\nv=1\n");

	assert_ok(scratch, ledger_set_meta(scratch->ledger, "roster-error",
					   "roster.yaml:3: bob: unknown tier", &scratch->err));
	fake_end(fake, "devvm-reconcile.service", "failed");
	assert_heard(fake, fd, "error code=failed text=roster.yaml:3: bob: unknown tier");
	fake_pass_ms(fake, 70000);
	assert_false(fake_runs("devvm-reconcile.service"));
}

static void a_refused_devvm_yaml_is_told_with_its_line_too(void **state)
{
	const struct fake *fake = *state;
	struct scratch *scratch = fake->scratch;
	DV_AUTO_CLOSE int fd = say(fake, 0, "reconcile\nv=1\n");

	assert_ok(scratch, ledger_set_meta(scratch->ledger, "config-error",
					   "devvm.yaml:3: home: must be a map", &scratch->err));
	fake_end(fake, "devvm-reconcile.service", "failed");
	assert_heard(fake, fd, "error code=failed text=devvm.yaml:3: home: must be a map");
	fake_pass_ms(fake, 70000);
	assert_false(fake_runs("devvm-reconcile.service"));
}

static void a_broken_reconcile_is_tried_again(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = say(fake, 0, "reconcile\nv=1\nuser=anna\n");

	fake_end(fake, "devvm-reconcile@anna.service", "failed");
	assert_contains(fake_hear(fake, fd), "error code=failed");
	assert_false(fake_runs("devvm-reconcile@anna.service"));
	fake_pass_ms(fake, 1000);
	assert_true(fake_runs("devvm-reconcile@anna.service"));
}

static void a_plan_is_passed_on_whole(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = say(fake, 0, "reconcile\nv=1\ndry-run=1\n");
	char expected[128];

	assert_true(fake_runs("devvm-plan.service"));
	assert_string_equal(fake_ask(fake, 0,
				     "report\nv=1\nuser=\ngeneration=0\nstep=sshd\n"
				     "status=change\ntext=write the drop-in\n"),
			    "done");
	for (int i = 0; i < 1000; i++) { /* more than the socket holds */
		char report[128];

		(void)snprintf(report, sizeof(report),
			       REPORT "step=account\nstatus=change\ntext=create %d\n", i);
		assert_string_equal(fake_ask(fake, 0, report), "done");
	}
	fake_end(fake, "devvm-plan.service", "done");
	assert_heard(fake, fd, "progress user= step=sshd status=change text=write the drop-in");
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(expected, sizeof(expected),
			       "progress user=anna step=account status=change text=create %d", i);
		assert_heard(fake, fd, expected);
	}
	assert_heard(fake, fd, "done");
}

static void a_plan_that_is_too_long_says_so(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = say(fake, 0, "reconcile\nv=1\ndry-run=1\n");
	const struct answer_progress progress = { .user = "anna",
						  .step = "account",
						  .status = "change" };
	unsigned int n = 0, n_left_out = 0;
	const char *heard;

	for (int i = 0; i < 6000; i++)
		server_progress(fake->daemon->server, &progress);
	fake_end(fake, "devvm-plan.service", "done");
	while (strncmp(heard = fake_hear(fake, fd), "progress", 8) == 0)
		n++;
	assert_int_equal(sscanf(heard, "done text=%u more differences are not shown", &n_left_out),
			 1);
	assert_int_equal(n + n_left_out, 6000);
	assert_true(n >= 4096);
}

static void nobody_else_hears_of_a_plan(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int home = -1;
	DV_AUTO_CLOSE int plan = say(fake, 0, "reconcile\nv=1\ndry-run=1\n");
	DV_AUTO_CLOSE int late = say(fake, 0, "reconcile\nv=1\ndry-run=1\n");
	DV_AUTO_CLOSE int fd = say(fake, 0, "reconcile\nv=1\n");

	fake_person(fake, "anna", 0, "power-user");
	assert_int_equal(daemon_request_home(fake->daemon, "anna", QUEUE_LOGIN), 0);
	home = say(fake, 1001, WAIT_ANNA);
	assert_string_equal(fake_ask(fake, 0, REPORT "step=account\nstatus=change\n"), "done");
	assert_heard(fake, home, "(nothing)");
	assert_heard(fake, fd, "(nothing)");
	assert_heard(fake, late, "(nothing)");
	fake_end(fake, "devvm-plan.service", "done");
	assert_heard(fake, plan, "progress user=anna step=account status=change");
	assert_heard(fake, plan, "done");
	assert_heard(fake, late, "(nothing)"); /* that one began before it asked */
}

/* As a reconcile does it that has just taken its lock, on the daemon's clock. */
static void reconcile_began(const struct fake *fake, int64_t seconds_ago)
{
	int64_t seconds = fake->scratch->env.fixed_usec / 1000000 - seconds_ago;
	const struct timespec times[2] = { { .tv_sec = seconds }, { .tv_sec = seconds } };

	assert_int_equal(utimensat(fake->scratch->env.root_dirfd, "run/devvm/locks/@reconcile",
				   times, 0),
			 0);
}

/* systemd answers a start of what runs already with the end of that run: the hourly one, say, which had read
 * devvm.yaml before somebody changed it. */
static void a_run_that_was_under_way_is_not_the_one_that_was_asked_for(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = fake_connect(fake, FAKE_HELPER, 0);

	scratch_make_folder(fake->scratch, "run/devvm/locks", 0700);
	scratch_write(fake->scratch, "run/devvm/locks/@reconcile", "", 0600);
	reconcile_began(fake, 5);
	fake_say(fake, fd, "reconcile\nv=1\n");
	assert_int_equal(fake_starts("devvm-reconcile.service"), 2);
	fake_end(fake, "devvm-reconcile.service", "done");
	assert_heard(fake, fd, "(nothing)");
	assert_int_equal(fake_starts("devvm-reconcile.service"), 3);
	reconcile_began(fake, 0);
	fake_end(fake, "devvm-reconcile.service", "done");
	assert_heard(fake, fd, "done");
	/* Ours from the start; and a file that nobody touches costs one run more, not one after the other. */
	fake_say(fake, fd, "reconcile\nv=1\n");
	fake_end(fake, "devvm-reconcile.service", "done");
	assert_heard(fake, fd, "done");
	assert_int_equal(fake_starts("devvm-reconcile.service"), 4);
	reconcile_began(fake, 5);
	fake_say(fake, fd, "reconcile\nv=1\n");
	fake_end(fake, "devvm-reconcile.service", "done");
	fake_end(fake, "devvm-reconcile.service", "done");
	assert_heard(fake, fd, "done");
	assert_int_equal(fake_starts("devvm-reconcile.service"), 6);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_to_wait_for),
		TEST(waiting_shows_the_current_step_and_then_each),
		TEST(waiting_is_over_when_the_job_is_though_it_failed),
		TEST(somebody_with_a_ticket_does_not_wait_for_a_reconcile),
		TEST(a_slow_reader_gets_the_latest_and_the_end),
		TEST(ensure_reconciles_and_then_runs_the_home_job),
		TEST(ensure_of_somebody_unknown),
		TEST(reconcile_of_somebody_unknown),
		TEST(who_waits_for_ensure_hears_the_end),
		TEST(who_waits_for_ensure_hears_what_failed),
		TEST(a_home_job_that_cannot_run_is_a_failure),
		TEST(who_leaves_changes_nothing),
		TEST(others_see_nothing_of_it),
		TEST(a_reconcile_is_one_that_began_after_the_request),
		TEST(a_refused_roster_is_told_with_its_line_and_not_tried_again),
		TEST(a_refused_devvm_yaml_is_told_with_its_line_too),
		TEST(a_broken_reconcile_is_tried_again),
		TEST(a_plan_is_passed_on_whole),
		TEST(a_plan_that_is_too_long_says_so),
		TEST(nobody_else_hears_of_a_plan),
		TEST(a_run_that_was_under_way_is_not_the_one_that_was_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
