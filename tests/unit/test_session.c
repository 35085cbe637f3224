/* test_session.c - open-session: what a login without a ticket waits for, and what it
 * hears. */
#include "fake_daemon.h"

#define OPEN_ANNA "open-session\nv=1\nuser=anna\nservice=sshd\n"
#define READY "done outcome=ready"
#define NOT_OURS "done outcome=not-ours"

static int open_session(const struct fake *fake)
{
	int fd = fake_connect(fake, FAKE_PAM, 0);

	fake_say(fake, fd, OPEN_ANNA);
	return fd;
}

static void set_account(const struct fake *fake, enum people_account account,
			enum people_login login)
{
	struct scratch *scratch = fake->scratch;

	assert_ok(scratch,
		  people_set_account(scratch->ledger, "anna", account, 1001, &scratch->err));
	assert_ok(scratch, people_set_login(scratch->ledger, "anna", login, &scratch->err));
}

static void a_ticket_is_all_that_is_wanted(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	fake_ticket(fake, "anna");
	fd = open_session(fake);
	assert_heard(fake, fd, READY);
	assert_int_equal(fake_n_units, 1); /* the first reconcile, and nothing else */
}

static void somebody_unknown_is_not_ours(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = open_session(fake);

	assert_heard(fake, fd, NOT_OURS);
	assert_int_equal(fake_n_units, 1);
}

static void who_left_is_not_ours(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	fake_person(fake, "anna", 0, "power-user");
	assert_ok(fake->scratch,
		  people_set_left(fake->scratch->ledger, "anna", &fake->scratch->err));
	fd = open_session(fake);
	assert_heard(fake, fd, NOT_OURS);
}

static void somebody_unknown_waits_for_the_reconcile_on_its_way(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	daemon_on_change(fake->daemon);
	fd = open_session(fake);
	assert_heard(fake, fd, "(nothing)");
	fake_person(fake, "anna", 0, "power-user");
	fake_ticket(fake, "anna");
	fake_end(fake, "devvm-reconcile.service", "done");
	assert_heard(fake, fd, READY);
	assert_int_equal(fake_n_units, 2);
}

static void somebody_in_a_roster_just_written_waits_too(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	scratch_write(fake->scratch, "etc/devvm/roster.yaml", "users: {}\n", 0644);
	fake_turn(fake);
	fd = open_session(fake); /* within the quiet time of the watch */
	assert_heard(fake, fd, "(nothing)");
	fake_pass_ms(fake, 600);
	assert_true(fake_runs("devvm-reconcile.service"));
	fake_end(fake, "devvm-reconcile.service", "done");
	assert_heard(fake, fd, NOT_OURS);
}

static void a_reconcile_is_asked_for_once(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	fake_person(fake, "anna", 0, "power-user");
	fd = open_session(fake);
	assert_heard(fake, fd, "(nothing)");
	fake_ticket(fake, "anna");
	fake_end(fake, "devvm-reconcile@anna.service", "done");
	assert_heard(fake, fd, READY);
	assert_int_equal(fake_n_units, 2);
}

static void without_a_ticket_behind_it_the_step_says_why(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	fake_person(fake, "anna", 0, "power-user");
	fd = open_session(fake);
	fake_step(fake, "anna", "ports", STEPS_LOG_FAILED, "the range is full");
	fake_end(fake, "devvm-reconcile@anna.service", "done");
	assert_heard(fake, fd, "error code=failed text=ports: the range is full");
}

static void a_reconcile_that_breaks_is_not_waited_for_twice(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	fake_person(fake, "anna", 0, "power-user");
	fd = open_session(fake);
	fake_end(fake, "devvm-reconcile@anna.service", "failed");
	assert_heard(fake, fd, "error code=failed text=anna could not be prepared");
}

static void after_a_boot_everybody_waits_for_one_reconcile(void **state)
{
	struct fake *fake = *state;
	int fds[50];

	fake_stop(fake);
	fake_person(fake, "anna", 0, "power-user");
	fake_start(fake); /* the first reconcile runs */
	for (size_t i = 0; i < DV_COUNT(fds); i++)
		fds[i] = open_session(fake);
	assert_heard(fake, fds[0], "(nothing)");
	fake_ticket(fake, "anna");
	fake_end(fake, "devvm-reconcile.service", "done");
	for (size_t i = 0; i < DV_COUNT(fds); i++) {
		assert_heard(fake, fds[i], READY);
		(void)close(fds[i]);
	}
	assert_int_equal(fake_n_units, 1);
}

static void an_account_from_before_us_is_looked_into_by_its_owner(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	fake_person(fake, "anna", 0, "power-user");
	set_account(fake, PEOPLE_ACCOUNT_FOUND, PEOPLE_LOGIN_UNKNOWN);
	fd = open_session(fake);
	assert_true(fake_runs("devvm-home@anna.service"));
	assert_string_equal(fake_ask(fake, 1001,
				     "report\nv=1\nuser=anna\ngeneration=1\nstep=facts\nstatus=ok\n"
				     "own-login=own\n"),
			    "done");
	/* The job goes on; the login only needed this much. */
	assert_true(fake_runs("devvm-home@anna.service"));
	assert_true(fake_runs("devvm-reconcile@anna.service"));
	assert_heard(fake, fd, "(nothing)");
	fake_ticket(fake, "anna");
	fake_end(fake, "devvm-reconcile@anna.service", "done");
	assert_heard(fake, fd, READY);
	assert_int_equal(fake_starts("devvm-reconcile@anna.service"), 1);
	assert_int_equal(fake_starts("devvm-home@anna.service"), 1);
}

static void a_home_that_was_there_before_its_new_account_is_looked_into(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	fake_person(fake, "anna", 0, "power-user");
	set_account(fake, PEOPLE_ACCOUNT_CREATED, PEOPLE_LOGIN_UNKNOWN);
	fd = open_session(fake);
	assert_true(fake_runs("devvm-home@anna.service"));
}

static void a_home_that_says_nothing_is_told_as_such(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	fake_person(fake, "anna", 0, "power-user");
	set_account(fake, PEOPLE_ACCOUNT_FOUND, PEOPLE_LOGIN_UNKNOWN);
	fd = open_session(fake);
	fake_end(fake, "devvm-home@anna.service", "failed");
	assert_heard(fake, fd, "error code=failed text=anna could not be prepared");
}

static void a_result_that_waits_for_the_ledger_is_waited_for(void **state)
{
	const struct fake *fake = *state;
	sqlite3 *beside = scratch_open_beside(fake->scratch);
	DV_AUTO_CLOSE int fd = -1;

	fake_person(fake, "anna", 0, "power-user");
	set_account(fake, PEOPLE_ACCOUNT_FOUND, PEOPLE_LOGIN_UNKNOWN);
	fd = open_session(fake);
	assert_int_equal(sqlite3_exec(beside, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_string_equal(fake_ask(fake, 1001,
				     "report\nv=1\nuser=anna\ngeneration=1\nstep=facts\nstatus=ok\n"
				     "own-login=none\n"),
			    "done");
	fake_end(fake, "devvm-home@anna.service", "done");
	assert_heard(fake, fd, "(nothing)");
	assert_int_equal(sqlite3_exec(beside, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	fake_pass_ms(fake, 100);
	fake_ticket(fake, "anna");
	fake_end(fake, "devvm-reconcile@anna.service", "done");
	assert_heard(fake, fd, READY);
	(void)sqlite3_close(beside);
}

static void who_hangs_up_leaves_nothing_behind(void **state)
{
	const struct fake *fake = *state;
	int fd;

	fake_person(fake, "anna", 0, "power-user");
	fd = open_session(fake);
	assert_int_equal(server_n_connections(fake->daemon->server), 1);
	(void)close(fd);
	fake_turn(fake);
	assert_int_equal(server_n_connections(fake->daemon->server), 0);
	fake_end(fake, "devvm-reconcile@anna.service", "done");
}

static void nobody_waits_forever(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	fake_person(fake, "anna", 0, "power-user");
	fd = open_session(fake);
	fake_pass_ms(fake, 59000);
	assert_heard(fake, fd, "(nothing)");
	fake_pass_ms(fake, 3000);
	assert_heard(fake, fd, "error code=timeout text=not prepared within 60 s");
	assert_heard(fake, fd, "(closed)");
}

static void a_broken_ledger_is_said_at_once_and_mends(void **state)
{
	struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;
	DV_AUTO_CLOSE int again = -1;

	fake_stop(fake);
	scratch_close_ledger(fake->scratch);
	(void)unlinkat(fake->scratch->env.root_dirfd, LEDGER_PATH "-wal", 0);
	(void)unlinkat(fake->scratch->env.root_dirfd, LEDGER_PATH "-shm", 0);
	scratch_write(fake->scratch, LEDGER_PATH,
		      "this is no database, and it is long enough "
		      "to be looked at as one.................",
		      0600);
	fake_start(fake);
	fake_end(fake, "devvm-reconcile.service", "failed");
	fd = open_session(fake);
	assert_contains(fake_hear(fake, fd), "error code=failed text=ledger /" LEDGER_PATH);
	assert_int_equal(unlinkat(fake->scratch->env.root_dirfd, LEDGER_PATH, 0), 0);
	fake_pass_ms(fake, 1100); /* the reconcile is tried again, and so is the ledger */
	fake_end(fake, "devvm-reconcile.service", "done");
	again = open_session(fake);
	assert_heard(fake, again, NOT_OURS);
}

static void a_bus_that_is_down_is_said_at_once(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	fake_person(fake, "anna", 0, "power-user");
	fake_bus_is_down = true;
	fd = open_session(fake);
	assert_heard(fake, fd, "error code=failed text=anna could not be prepared");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_ticket_is_all_that_is_wanted),
		TEST(somebody_unknown_is_not_ours),
		TEST(who_left_is_not_ours),
		TEST(somebody_unknown_waits_for_the_reconcile_on_its_way),
		TEST(somebody_in_a_roster_just_written_waits_too),
		TEST(a_reconcile_is_asked_for_once),
		TEST(without_a_ticket_behind_it_the_step_says_why),
		TEST(a_reconcile_that_breaks_is_not_waited_for_twice),
		TEST(after_a_boot_everybody_waits_for_one_reconcile),
		TEST(an_account_from_before_us_is_looked_into_by_its_owner),
		TEST(a_home_that_was_there_before_its_new_account_is_looked_into),
		TEST(a_home_that_says_nothing_is_told_as_such),
		TEST(a_result_that_waits_for_the_ledger_is_waited_for),
		TEST(who_hangs_up_leaves_nothing_behind),
		TEST(nobody_waits_forever),
		TEST(a_broken_ledger_is_said_at_once_and_mends),
		TEST(a_bus_that_is_down_is_said_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
