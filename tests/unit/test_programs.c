/* test_programs.c - machine and install: what is started, and what those who wait are told. */
#include "fake_daemon.h"

#include "ledger/installs.h"

#define INSTALL "install\nv=1\nitem=t3\n"
#define UNIT "devvm-install@t3-0.0.24.service"
#define MACHINE_UNIT "devvm-machine.service"

static int say(const struct fake *fake, const char *packet)
{
	int fd = fake_connect(fake, FAKE_HELPER, 0);

	fake_say(fake, fd, packet);
	return fd;
}

static void note(const struct fake *fake, const char *instance, bool done, const char *text)
{
	assert_ok(fake->scratch,
		  installs_put(fake->scratch->ledger, instance, done, text, &fake->scratch->err));
}

static void an_install_ends_with_what_is_installed(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int one_fd = say(fake, INSTALL "version=0.0.24\n");
	DV_AUTO_CLOSE int two_fd = say(fake, INSTALL "version=0.0.24\n");

	assert_int_equal(fake_starts(UNIT), 1);
	assert_heard(fake, one_fd, "(nothing)");
	note(fake, "t3-0.0.24", true, "t3 0.0.24 is installed and current");
	fake_end(fake, UNIT, "done");
	assert_heard(fake, one_fd, "done text=t3 0.0.24 is installed and current");
	assert_heard(fake, two_fd, "done text=t3 0.0.24 is installed and current");
	assert_true(fake_runs("devvm-reconcile.service")); /* people's pointers */
}

static void a_failed_one_with_its_sentence(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = say(fake, INSTALL "version=0.0.24\n");

	note(fake, "t3-0.0.24", false, "npm: E404: no such version");
	fake_end(fake, UNIT, "failed");
	assert_heard(fake, fd, "error code=failed text=npm: E404: no such version");
}

/* The sentence in the ledger is of an earlier run. */
static void a_killed_one_does_not_pass_for_an_earlier_one(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	note(fake, "t3-0.0.24", true, "t3 0.0.24 is installed and current");
	fd = say(fake, INSTALL "version=0.0.24\n");
	fake_end(fake, UNIT, "timeout");
	assert_heard(fake, fd, "error code=failed text=" UNIT ": timeout; see journalctl -u " UNIT);
}

static void without_a_version_the_tag_is_taken(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = say(fake, INSTALL);

	assert_true(fake_runs("devvm-install@t3-nightly.service"));
}

static void nonsense_starts_nothing(void **state)
{
	const struct fake *fake = *state;

	assert_string_equal(fake_ask(fake, 0, "install\nv=1\nitem=t4\n"),
			    "error code=not-found text=only t3 and playwright can be installed");
	assert_string_equal(fake_ask(fake, 0, INSTALL "version=../x\n"),
			    "error code=bad-request text=that is no version or tag");
	assert_string_equal(fake_ask(fake, 0, INSTALL "version=1.0.0+x\n"),
			    "error code=bad-request text=that is no version or tag");
	fake_bus_is_down = true;
	assert_string_equal(fake_ask(fake, 0, INSTALL), "error code=failed text=the bus is down");
}

static void leaving_changes_nothing(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	(void)close(say(fake, INSTALL "version=0.0.24\n"));
	fake_turn(fake);
	assert_true(fake_runs(UNIT));
	fake_end(fake, UNIT, "done");
	fd = say(fake, INSTALL "version=0.0.24\n");
	assert_int_equal(fake_starts(UNIT), 2);
}

static void only_so_many_at_once(void **state)
{
	const struct fake *fake = *state;
	int fds[9];

	for (size_t i = 0; i < DV_COUNT(fds); i++) {
		char packet[64];

		(void)snprintf(packet, sizeof(packet), INSTALL "version=0.0.%zu\n", i);
		fds[i] = say(fake, packet);
	}
	assert_heard(fake, fds[7], "(nothing)");
	assert_heard(fake, fds[8],
		     "error code=busy text=8 programs are being installed; try again later");
	for (size_t i = 0; i < DV_COUNT(fds); i++)
		(void)close(fds[i]);
}

static void the_machine_job_ends_with_what_failed(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = say(fake, "machine\nv=1\n");

	fake_end(fake, MACHINE_UNIT, "done");
	assert_heard(fake, fd, "done");
	fake_say(fake, fd, "machine\nv=1\n");
	fake_step(fake, "", "playwright-server", STEPS_LOG_FAILED, "npm: no network");
	fake_step(fake, "", "sshd", STEPS_LOG_FAILED, "is no step of this job");
	fake_end(fake, MACHINE_UNIT, "done");
	assert_heard(fake, fd,
		     "error code=failed text=1 step failed: playwright-server: npm: no network");
	fake_say(fake, fd, "machine\nv=1\n");
	fake_end(fake, MACHINE_UNIT, "failed");
	assert_heard(fake, fd,
		     "error code=failed text=" MACHINE_UNIT
		     ": failed; see journalctl -u " MACHINE_UNIT);
}

static void a_failed_step_is_tried_again_when_it_is_due(void **state)
{
	struct fake *fake = *state;

	fake_pass_ms(fake, 61000);
	assert_int_equal(fake_starts(MACHINE_UNIT), 0);
	fake_step(fake, "", "playwright-server", STEPS_LOG_FAILED, "npm: no network");
	fake->scratch->env.fixed_usec += INT64_C(5) * 1000000;
	fake_pass_ms(fake, 60000);
	assert_int_equal(fake_starts(MACHINE_UNIT), 0); /* not yet */
	fake->scratch->env.fixed_usec += INT64_C(3600) * 1000000;
	fake_pass_ms(fake, 60000);
	assert_int_equal(fake_starts(MACHINE_UNIT), 1);
	fake_pass_ms(fake, 120000);
	assert_int_equal(fake_starts(MACHINE_UNIT), 1); /* it runs */
}

/* devvm.yaml with a mistake, say: the job ends before it has tried anything. */
static void a_machine_job_that_could_not_run_is_tried_ever_later(void **state)
{
	static const int64_t pauses_ms[] = { 20000, 40000, 80000 };
	struct fake *fake = *state;
	unsigned int n = 1;

	fake_step(fake, "", "playwright-server", STEPS_LOG_FAILED, "npm: no network");
	fake->scratch->env.fixed_usec += INT64_C(3600) * 1000000;
	fake_pass_ms(fake, 20000);
	assert_int_equal(fake_starts(MACHINE_UNIT), n);
	for (size_t i = 0; i < DV_COUNT(pauses_ms); i++, n++) {
		fake_end(fake, MACHINE_UNIT, "failed");
		fake_pass_ms(fake, pauses_ms[i] - 1000);
		assert_int_equal(fake_starts(MACHINE_UNIT), n);
		fake_pass_ms(fake, 21000);
		assert_int_equal(fake_starts(MACHINE_UNIT), n + 1);
	}
	fake_end(fake, MACHINE_UNIT, "done"); /* it ran, and the step is due still */
	fake_pass_ms(fake, 21000);
	assert_int_equal(fake_starts(MACHINE_UNIT), n + 1);
}

/* What people wait for may have come, but not while the machine itself still lacks something. */
static void what_failed_for_people_is_due_when_the_machine_is_in_order(void **state)
{
	struct fake *fake = *state;
	DV_AUTO_STEPS_LOG struct steps_log failed = { 0 };
	int fd = fake_connect(fake, FAKE_HELPER, 0);
	int64_t now_usec = fake->scratch->env.fixed_usec;

	fake_person(fake, "anna", 0, "power-user");
	fake_step(fake, "anna", "claude", STEPS_LOG_FAILED, "not there yet");
	fake_step(fake, "", "claude-cache", STEPS_LOG_FAILED, "no network");
	fake_say(fake, fd, "machine\nv=1\n");
	fake_end(fake, MACHINE_UNIT, "done");
	assert_ok(fake->scratch,
		  steps_log_list_failed(fake->scratch->ledger, &failed, &fake->scratch->err));
	assert_int_equal(failed.n_rows, 2);
	assert_true(failed.rows[1].next_retry_usec > now_usec);
	steps_log_done(&failed);
	fake_step(fake, "", "claude-cache", STEPS_LOG_OK, NULL);
	fake_say(fake, fd, "machine\nv=1\n");
	fake_end(fake, MACHINE_UNIT, "done");
	assert_ok(fake->scratch,
		  steps_log_list_failed(fake->scratch->ledger, &failed, &fake->scratch->err));
	assert_int_equal(failed.n_rows, 1);
	assert_string_equal(failed.rows[0].name, "anna");
	assert_int_equal(failed.rows[0].next_retry_usec, now_usec);
	assert_int_equal(close(fd), 0);
}

#define PLAN_UNIT "devvm-offboard@plan-anna.service"
#define ARCHIVE_UNIT "devvm-offboard@archive-anna.service"

static void a_plan_is_one_row(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	fake_person(fake, "anna", 0, "power-user");
	fd = say(fake, "offboard\nv=1\nuser=anna\n");
	assert_int_equal(fake_starts(PLAN_UNIT), 1);
	note(fake, "offboard-plan-anna", true, "user=anna\nstate=left\nhome=/home/anna\n");
	fake_end(fake, PLAN_UNIT, "done");
	assert_heard(fake, fd, "row kind=offboard user=anna state=left home=/home/anna");
	assert_heard(fake, fd, "done");
}

static void an_archive_ends_with_its_sentence(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	fake_person(fake, "anna", 0, "power-user");
	fd = say(fake, "offboard\nv=1\nuser=anna\narchive=1\n");
	assert_int_equal(fake_starts(ARCHIVE_UNIT), 1);
	note(fake, "offboard-archive-anna", false, "3 processes of anna still run");
	fake_end(fake, ARCHIVE_UNIT, "failed");
	assert_heard(fake, fd, "error code=failed text=3 processes of anna still run");
}

static void nobody_offboards_a_stranger(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = say(fake, "offboard\nv=1\nuser=ghost\narchive=1\n");

	assert_heard(fake, fd, "error code=not-found text=ghost is not in the ledger");
	assert_int_equal(fake_starts("devvm-offboard@archive-ghost.service"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define AT(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)
		AT(an_install_ends_with_what_is_installed),
		AT(a_failed_one_with_its_sentence),
		AT(a_killed_one_does_not_pass_for_an_earlier_one),
		AT(without_a_version_the_tag_is_taken),
		AT(nonsense_starts_nothing),
		AT(leaving_changes_nothing),
		AT(only_so_many_at_once),
		AT(the_machine_job_ends_with_what_failed),
		AT(a_failed_step_is_tried_again_when_it_is_due),
		AT(a_machine_job_that_could_not_run_is_tried_ever_later),
		AT(a_plan_is_one_row),
		AT(an_archive_ends_with_its_sentence),
		AT(nobody_offboards_a_stranger),
		AT(what_failed_for_people_is_due_when_the_machine_is_in_order),
	};

	return cmocka_run_group_tests_name("programs", tests, NULL, NULL);
}
