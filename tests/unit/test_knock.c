/* test_knock.c - what starts a home job without anybody asking: the touch of a ticket behind a
 * login, and the schedule. */
#include "fake_daemon.h"

#include "steps/hold.h"

#include <sys/stat.h>

#include "daemon/knock.h"

static void knock(const struct fake *fake, const char *name)
{
	fake_touch(fake, name, 0);
	fake_turn(fake);
}

/* In the ledger, with a ticket nobody has touched. */
static void person(const struct fake *fake, const char *name, unsigned int n)
{
	fake_person(fake, name, n, "power-user");
	fake_ticket(fake, name);
}

static void who_is_due_gets_a_job(void **state)
{
	const struct fake *fake = *state;

	person(fake, "anna", 0);
	for (int i = 0; i < 20; i++)
		knock(fake, "anna");
	assert_int_equal(fake_starts("devvm-home@anna.service"), 1);
	fake_end(fake, "devvm-home@anna.service", "done");
	fake_all_home_steps(fake, "anna");
	knock(fake, "anna");
	assert_int_equal(fake_starts("devvm-home@anna.service"), 1);
	fake->scratch->env.fixed_usec += 25 * INT64_C(3600000000);
	knock(fake, "anna");
	assert_int_equal(fake_starts("devvm-home@anna.service"), 2);
}

static void nobody_else_does(void **state)
{
	const struct fake *fake = *state;

	person(fake, "bob", 1);
	fake_ticket(fake, "stranger");
	assert_ok(fake->scratch,
		  people_set_left(fake->scratch->ledger, "bob", &fake->scratch->err));
	knock(fake, "bob");
	knock(fake, "stranger");
	assert_int_equal(fake_n_units, 1);
}

/* What else happens in the folder: the reconcile writes and removes tickets. */
static void a_ticket_that_is_written_or_removed_is_no_knock(void **state)
{
	const struct fake *fake = *state;

	person(fake, "anna", 0);
	fake_turn(fake);
	fake_ticket(fake, "anna"); /* again */
	fake_turn(fake);
	assert_int_equal(unlinkat(fake->scratch->env.root_dirfd, FAKE_TICKETS "/anna", 0), 0);
	fake_turn(fake);
	assert_int_equal(fake_n_units, 1);
}

static void what_is_no_name_is_passed_over(void **state)
{
	static const char *const names[] = { ".devvm-0123456789abcdef", ".anna", "Anna", "anna ",
					     "1234" };
	const struct fake *fake = *state;

	person(fake, "anna", 0);
	for (size_t i = 0; i < DV_COUNT(names); i++) {
		fake_ticket(fake, names[i]);
		knock(fake, names[i]);
	}
	/* The folder itself. */
	assert_int_equal(utimensat(fake->scratch->env.root_dirfd, FAKE_TICKETS, NULL, 0), 0);
	fake_turn(fake);
	assert_int_equal(fake_n_units, 1);
	knock(fake, "anna"); /* and the next is heard */
	assert_true(fake_runs("devvm-home@anna.service"));
}

/* A login has the ticket open while the reconcile puts a new one in its place. */
static void a_touch_of_a_ticket_that_was_just_replaced_is_heard(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	person(fake, "anna", 0);
	fd = openat(fake->scratch->env.root_dirfd, FAKE_TICKETS "/anna", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	fake_ticket(fake, "anna");
	assert_int_equal(futimens(fd, NULL), 0);
	fake_turn(fake);
	assert_true(fake_runs("devvm-home@anna.service"));
}

static void a_wait_behind_a_knock_sees_the_job(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = fake_connect(fake, FAKE_HELPER, 1001);

	person(fake, "anna", 0);
	/* Both are there when the loop turns, and the request first. */
	assert_true(send(fd, "wait\nv=1\nuser=anna\n", 19, MSG_NOSIGNAL) > 0);
	fake_touch(fake, "anna", 0);
	assert_heard(fake, fd, "(nothing)");
	fake_end(fake, "devvm-home@anna.service", "done");
	assert_heard(fake, fd, "done");
}

/* Restart the daemon; its first reconcile is running then. */
static void restart(struct fake *fake)
{
	fake_stop(fake);
	fake_start(fake);
}

static void logins_while_no_daemon_ran_are_made_good(void **state)
{
	struct fake *fake = *state;

	person(fake, "anna", 0);
	person(fake, "bob", 1);
	person(fake, "carl", 2);
	person(fake, "dora", 3);
	fake_all_home_steps(fake, "dora");
	fake_touch(fake, "bob", KNOCK_RECENT_USEC / 1000000 - 1);
	fake_touch(fake, "carl", KNOCK_RECENT_USEC / 1000000 + 1);
	fake_touch(fake, "dora", 1);
	restart(fake);
	assert_true(fake_runs("devvm-home@bob.service"));
	assert_false(fake_runs("devvm-home@anna.service")); /* nobody has logged in */
	assert_false(fake_runs("devvm-home@carl.service")); /* too long ago */
	assert_false(fake_runs("devvm-home@dora.service")); /* nothing is due */
}

static void a_folder_that_comes_later_is_found_behind_the_reconcile(void **state)
{
	struct fake *fake = *state;
	int root_fd = fake->scratch->env.root_dirfd;

	fake_person(fake, "anna", 0, "power-user");
	fake_person(fake, "bob", 1, "power-user");
	assert_int_equal(unlinkat(root_fd, FAKE_TICKETS, AT_REMOVEDIR), 0);
	restart(fake);
	/* The reconcile makes it, and somebody logs in before it is over. */
	scratch_make_folder(fake->scratch, FAKE_TICKETS, 0700);
	fake_ticket(fake, "anna");
	fake_ticket(fake, "bob");
	knock(fake, "anna");
	assert_false(fake_runs("devvm-home@anna.service"));
	fake_end(fake, "devvm-reconcile.service", "done");
	assert_true(fake_runs("devvm-home@anna.service"));
	knock(fake, "bob");
	assert_true(fake_runs("devvm-home@bob.service"));
}

static void a_folder_that_goes_or_is_replaced_is_looked_for(void **state)
{
	struct fake *fake = *state;
	int root_fd = fake->scratch->env.root_dirfd;

	person(fake, "anna", 0);
	fake_person(fake, "bob", 1, "power-user");
	fake_person(fake, "carl", 2, "power-user");
	/* Another one at its place before the daemon looks. */
	assert_int_equal(renameat(root_fd, FAKE_TICKETS, root_fd, "run/devvm/old"), 0);
	scratch_make_folder(fake->scratch, FAKE_TICKETS, 0700);
	fake_turn(fake);
	fake_ticket(fake, "bob");
	knock(fake, "bob");
	assert_true(fake_runs("devvm-home@bob.service"));
	/* The one that was moved away is nobody's business any more. */
	assert_int_equal(utimensat(root_fd, "run/devvm/old/anna", NULL, 0), 0);
	fake_turn(fake);
	assert_false(fake_runs("devvm-home@anna.service"));
	/* Gone, and back with the next reconcile. */
	assert_int_equal(unlinkat(root_fd, FAKE_TICKETS "/bob", 0), 0);
	assert_int_equal(unlinkat(root_fd, FAKE_TICKETS, AT_REMOVEDIR), 0);
	fake_turn(fake);
	scratch_make_folder(fake->scratch, FAKE_TICKETS, 0700);
	fake_ticket(fake, "carl");
	daemon_on_change(fake->daemon);
	fake_turn(fake);
	fake_end(fake, "devvm-reconcile.service", "done");
	knock(fake, "carl");
	assert_true(fake_runs("devvm-home@carl.service"));
}

/* fs.inotify.max_queued_events, at which the kernel drops what comes. */
static unsigned int max_queued_events(void)
{
	DV_AUTO_FCLOSE FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
	unsigned int n = 0;

	return file && fscanf(file, "%u", &n) == 1 ? n : 16384;
}

static void a_queue_that_overflows_loses_nobody(void **state)
{
	const struct fake *fake = *state;
	unsigned int n = max_queued_events();

	if (n > 200000)
		skip();
	person(fake, "anna", 0);
	fake_ticket(fake, ".devvm-1");
	fake_ticket(fake, ".devvm-2");
	for (unsigned int i = 0; i < n / 2 + 1; i++) { /* the same twice is told once */
		fake_touch(fake, ".devvm-1", 0);
		fake_touch(fake, ".devvm-2", 0);
	}
	fake_touch(fake, "anna", 0);
	fake_pass_ms(fake, n * INT64_C(4)); /* so many at a time */
	assert_true(fake_runs("devvm-home@anna.service"));
}

static void knocks_without_end_keep_nobody_waiting(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = fake_connect(fake, FAKE_PAM, 0);
	char packet[64] = "";

	person(fake, "anna", 0);
	fake_ticket(fake, "stranger");
	assert_true(send(fd, "open-session\nv=1\nuser=anna\n", 27, MSG_NOSIGNAL) > 0);
	/* Two more for each one that the loop takes. */
	for (int i = 0; i < 2000 && recv(fd, packet, sizeof(packet) - 1, MSG_DONTWAIT) < 0; i++) {
		fake_touch(fake, "stranger", 0);
		fake_touch(fake, "anna", 0);
		assert_true(sd_event_run(fake->event, 0) >= 0);
	}
	assert_string_equal(packet, "done\noutcome=ready\n");
}

static void a_storm_of_knocks_runs_under_the_cap(void **state)
{
	const struct fake *fake = *state;
	struct scratch *scratch = fake->scratch;
	char name[16];

	assert_ok(scratch, ledger_begin(scratch->ledger, &scratch->err));
	for (unsigned int i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof(name), "user%03u", i);
		person(fake, name, i);
	}
	assert_ok(scratch, ledger_commit(scratch->ledger, &scratch->err));
	for (unsigned int i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof(name), "user%03u", i);
		knock(fake, name);
	}
	assert_int_equal(fake_n_units, 1 + 4);
	for (unsigned int i = 0; i < 100; i++) {
		char unit[64];

		(void)snprintf(unit, sizeof(unit), "devvm-home@user%03u.service", i);
		fake_end(fake, unit, "done");
	}
	assert_int_equal(fake_n_units, 1 + 100);
}

/* the schedule */

static void people(const struct fake *fake, unsigned int n)
{
	struct scratch *scratch = fake->scratch;
	char name[16];

	assert_ok(scratch, ledger_begin(scratch->ledger, &scratch->err));
	for (unsigned int i = 0; i < n; i++) {
		(void)snprintf(name, sizeof(name), "user%03u", i);
		fake_person(fake, name, i, "power-user");
	}
	assert_ok(scratch, ledger_commit(scratch->ledger, &scratch->err));
}

/* End every home job that runs, as fast as they come; how many there were so far. */
static unsigned int end_homes(const struct fake *fake)
{
	unsigned int n = 0;

	for (size_t i = 0; i < fake_n_units; i++) {
		if (strncmp(fake_units[i].name, "devvm-home@", 11) != 0)
			continue;
		n++;
		if (fake_units[i].running)
			fake_end(fake, fake_units[i].name, "done");
	}
	return n;
}

static void the_schedule_prepares_so_many_an_hour(void **state)
{
	const struct fake *fake = *state;
	unsigned int per_hour = fake->daemon->config.home_per_hour;
	unsigned int before = 0;

	people(fake, 80);
	for (int hour = 1; hour <= 3; hour++) {
		unsigned int n;

		for (int minute = 0; minute < 60; minute++) {
			fake_pass_ms(fake, 60000);
			n = end_homes(fake);
		}
		assert_in_range(n - before, per_hour - 2, per_hour);
		before = n;
	}
}

static void the_schedule_starts_with_a_pause(void **state)
{
	const struct fake *fake = *state;

	people(fake, 5);
	fake_pass_ms(fake, 100000);
	assert_int_equal(end_homes(fake), 0);
}

/* "next try" in the status is meant for somebody who sits there. */
static void what_failed_is_tried_again_for_who_logged_in_lately(void **state)
{
	const struct fake *fake = *state;
	struct env *env = &fake->scratch->env;

	person(fake, "anna", 0);
	person(fake, "bob", 1);
	knock(fake, "anna");
	fake_all_home_steps(fake, "anna");
	fake_all_home_steps(fake, "bob");
	fake_step(fake, "anna", "code", STEPS_LOG_FAILED, "no network");
	fake_step(fake, "bob", "code", STEPS_LOG_FAILED, "no network");
	fake_end(fake, "devvm-home@anna.service", "done");
	fake_pass_ms(fake, 20000);
	assert_int_equal(fake_starts("devvm-home@anna.service"), 1); /* not before its time */
	env->fixed_usec += STEPS_LOG_FIRST_RETRY_MS * INT64_C(1000) + 1;
	fake_pass_ms(fake, 20000);
	assert_int_equal(fake_starts("devvm-home@anna.service"), 2);
	assert_int_equal(fake_starts("devvm-home@bob.service"), 0);
	fake_end(fake, "devvm-home@anna.service", "done");
	fake_step(fake, "anna", "code", STEPS_LOG_FAILED, "no network");
	env->fixed_usec += 13 * INT64_C(3600000000);
	fake_pass_ms(fake, 20000);
	assert_int_equal(fake_starts("devvm-home@anna.service"), 2); /* who is long gone */
}

/* devvm.yaml with a mistake, say: every home job ends before it has tried anything. */
static void a_retry_that_could_not_be_made_comes_ever_later(void **state)
{
	const struct fake *fake = *state;
	struct env *env = &fake->scratch->env;

	person(fake, "anna", 0);
	knock(fake, "anna");
	fake_all_home_steps(fake, "anna");
	fake_step(fake, "anna", "code", STEPS_LOG_FAILED, "no network");
	fake_end(fake, "devvm-home@anna.service", "done");
	env->fixed_usec += STEPS_LOG_FIRST_RETRY_MS * INT64_C(1000) + 1;
	fake_pass_ms(fake, 20000);
	assert_int_equal(fake_starts("devvm-home@anna.service"), 2);
	fake_end(fake, "devvm-home@anna.service", "failed");
	fake_pass_ms(fake, 60000);
	assert_int_equal(fake_starts("devvm-home@anna.service"), 2);
	env->fixed_usec += 2 * STEPS_LOG_FIRST_RETRY_MS * INT64_C(1000) + 1;
	fake_pass_ms(fake, 20000);
	assert_int_equal(fake_starts("devvm-home@anna.service"), 3);
}

/* systemd would skip the unit each time. */
static void who_is_on_hold_is_not_tried_again(void **state)
{
	const struct fake *fake = *state;
	struct scratch *scratch = fake->scratch;

	person(fake, "anna", 0);
	knock(fake, "anna");
	fake_all_home_steps(fake, "anna");
	fake_step(fake, "anna", "code", STEPS_LOG_FAILED, "no network");
	fake_end(fake, "devvm-home@anna.service", "done");
	scratch_make_folder(scratch, HOLD_FOLDER, 0711);
	assert_ok(scratch, hold_set(&scratch->env, "anna", "a restore", &scratch->err));
	scratch->env.fixed_usec += STEPS_LOG_FIRST_RETRY_MS * INT64_C(1000) + 1;
	fake_pass_ms(fake, 20000);
	assert_int_equal(fake_starts("devvm-home@anna.service"), 1);
	assert_ok(scratch, hold_release(&scratch->env, "anna", &scratch->err));
	fake_pass_ms(fake, 20000);
	assert_int_equal(fake_starts("devvm-home@anna.service"), 2);
}

static void eager_people_do_not_wait_for_a_login(void **state)
{
	const struct fake *fake = *state;
	struct scratch *scratch = fake->scratch;
	DV_AUTO_PEOPLE_ROW struct people_row row = scratch_wanted("zora", 70);

	people(fake, 60);
	row.eager = true;
	assert_ok(scratch, people_put_wanted(scratch->ledger, &row, &scratch->err));
	assert_ok(scratch, people_set_account(scratch->ledger, "zora", PEOPLE_ACCOUNT_CREATED, 2000,
					      &scratch->err));
	daemon_on_change(fake->daemon);
	fake_turn(fake);
	fake_end(fake, "devvm-reconcile.service", "done");
	fake_pass_ms(fake, 2000); /* a few pages */
	assert_true(fake_runs("devvm-home@zora.service"));
	assert_int_equal(end_homes(fake), 1);
}

static void parked_people_and_those_without_an_account_are_left_alone(void **state)
{
	const struct fake *fake = *state;
	struct scratch *scratch = fake->scratch;
	DV_AUTO_PEOPLE_ROW struct people_row parked = scratch_wanted("anna", 0);
	DV_AUTO_PEOPLE_ROW struct people_row unmade = scratch_wanted("bob", 1);

	parked.parked = true;
	assert_ok(scratch, people_put_wanted(scratch->ledger, &parked, &scratch->err));
	assert_ok(scratch, people_set_account(scratch->ledger, "anna", PEOPLE_ACCOUNT_CREATED, 2000,
					      &scratch->err));
	assert_ok(scratch, people_put_wanted(scratch->ledger, &unmade, &scratch->err));
	fake_pass_ms(fake, 1000000);
	assert_int_equal(end_homes(fake), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_is_due_gets_a_job),
		TEST(nobody_else_does),
		TEST(a_ticket_that_is_written_or_removed_is_no_knock),
		TEST(what_is_no_name_is_passed_over),
		TEST(a_touch_of_a_ticket_that_was_just_replaced_is_heard),
		TEST(a_wait_behind_a_knock_sees_the_job),
		TEST(logins_while_no_daemon_ran_are_made_good),
		TEST(a_folder_that_comes_later_is_found_behind_the_reconcile),
		TEST(a_folder_that_goes_or_is_replaced_is_looked_for),
		TEST(a_queue_that_overflows_loses_nobody),
		TEST(knocks_without_end_keep_nobody_waiting),
		TEST(a_storm_of_knocks_runs_under_the_cap),
		TEST(the_schedule_prepares_so_many_an_hour),
		TEST(the_schedule_starts_with_a_pause),
		TEST(what_failed_is_tried_again_for_who_logged_in_lately),
		TEST(a_retry_that_could_not_be_made_comes_ever_later),
		TEST(who_is_on_hold_is_not_tried_again),
		TEST(eager_people_do_not_wait_for_a_login),
		TEST(parked_people_and_those_without_an_account_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
