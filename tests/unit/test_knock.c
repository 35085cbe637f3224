/* test_knock.c - what starts a home job without anybody asking: a knock behind a login, and
 * the schedule. */
#include "fake_daemon.h"

static uid_t knocking_uid; /* who seems to have sent what is received */

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	ssize_t n = syscall(SYS_recvmsg, fd, message, flags);
	struct cmsghdr *part = n < 0 ? NULL : CMSG_FIRSTHDR(message);
	struct ucred sender;

	if (part && part->cmsg_type == SCM_CREDENTIALS) {
		memcpy(&sender, CMSG_DATA(part), sizeof(sender));
		sender.uid = knocking_uid;
		memcpy(CMSG_DATA(part), &sender, sizeof(sender));
	}
	return n;
}

static void knock_bytes(const struct fake *fake, const void *bytes, size_t n_bytes)
{
	struct sockaddr_un address = fake_address(fake, FAKE_KNOCK);
	DV_AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(sendto(fd, bytes, n_bytes, MSG_DONTWAIT | MSG_NOSIGNAL,
				(struct sockaddr *)&address, sizeof(address)),
			 n_bytes);
}

static void knock(const struct fake *fake, const char *name)
{
	knock_bytes(fake, name, strlen(name));
	fake_turn(fake);
}

static int setup(void **state)
{
	knocking_uid = 0;
	return fake_setup(state);
}

static void who_is_due_gets_a_job(void **state)
{
	const struct fake *fake = *state;

	fake_person(fake, "anna", 0, "power-user");
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

	fake_person(fake, "bob", 1, "admin");
	assert_ok(fake->scratch,
		  people_set_left(fake->scratch->ledger, "bob", &fake->scratch->err));
	knock(fake, "bob");
	knock(fake, "stranger");
	assert_int_equal(fake_n_units, 1);
}

static void only_root_may_knock(void **state)
{
	const struct fake *fake = *state;

	fake_person(fake, "anna", 0, "power-user");
	knocking_uid = 1001;
	knock(fake, "anna");
	assert_int_equal(fake_n_units, 1);
}

static void what_is_no_name_is_dropped(void **state)
{
	const struct fake *fake = *state;
	char big[5000];

	fake_person(fake, "anna", 0, "power-user");
	memset(big, 'a', sizeof(big));
	knock_bytes(fake, "", 0);
	knock_bytes(fake, "anna\n", 5);
	knock_bytes(fake, "anna\0", 5);
	knock_bytes(fake, "anna\0bob", 8);
	knock_bytes(fake, "../anna", 7);
	knock_bytes(fake, big, sizeof(big));
	knock_bytes(fake, big, STR_USER_NAME_MAX + 1);
	fake_turn(fake);
	assert_int_equal(fake_n_units, 1);
	knock(fake, "anna"); /* and the next is heard */
	assert_true(fake_runs("devvm-home@anna.service"));
}

static void a_wait_behind_a_knock_sees_the_job(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = fake_connect(fake, FAKE_HELPER, 1001);

	fake_person(fake, "anna", 0, "power-user");
	fake_ticket(fake, "anna");
	/* Both are there when the loop turns, and the request first. */
	assert_true(send(fd, "wait\nv=1\nuser=anna\n", 19, MSG_NOSIGNAL) > 0);
	knock_bytes(fake, "anna", 4);
	assert_heard(fake, fd, "(nothing)");
	fake_end(fake, "devvm-home@anna.service", "done");
	assert_heard(fake, fd, "done");
}

static void a_storm_of_knocks_runs_under_the_cap(void **state)
{
	const struct fake *fake = *state;
	struct scratch *scratch = fake->scratch;
	char name[16];

	assert_ok(scratch, ledger_begin(scratch->ledger, &scratch->err));
	for (unsigned int i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof(name), "user%03u", i);
		fake_person(fake, name, i, "power-user");
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_is_due_gets_a_job),
		TEST(nobody_else_does),
		TEST(only_root_may_knock),
		TEST(what_is_no_name_is_dropped),
		TEST(a_wait_behind_a_knock_sees_the_job),
		TEST(a_storm_of_knocks_runs_under_the_cap),
		TEST(the_schedule_prepares_so_many_an_hour),
		TEST(the_schedule_starts_with_a_pause),
		TEST(eager_people_do_not_wait_for_a_login),
		TEST(parked_people_and_those_without_an_account_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
