/* test_instances.c - which logins start a t3, and how many start at once. */
#include "fake_daemon.h"

#include "daemon/instances.h"

#define T3(user) "t3-serve@" user ".service"

static int setup(void **state)
{
	int r = fake_setup(state);
	struct fake *fake = *state;

	scratch_write(fake->scratch, "opt/devvm/t3/current", "", 0644);
	fake_person(fake, "anna", 0, "power-user");
	fake_all_home_steps(fake, "anna");
	return r;
}

static void want(const struct fake *fake, const char *user, enum instances_reason reason)
{
	instances_want(fake->daemon->instances, user, reason);
	fake_turn(fake);
}

#define CGROUP "sys/fs/cgroup/system.slice/system-t3\\x2dserve.slice/" T3("anna")

static void make_cgroup(const struct fake *fake)
{
	scratch_make_folder(fake->scratch, CGROUP, 0755);
}

static void remove_cgroup(const struct fake *fake)
{
	int root_fd = fake->scratch->env.root_dirfd;

	assert_int_equal(unlinkat(root_fd, CGROUP, AT_REMOVEDIR), 0);
}

static void a_login_starts_it_once(void **state)
{
	const struct fake *fake = *state;

	want(fake, "anna", INSTANCES_LOGIN);
	want(fake, "anna", INSTANCES_LOGIN);
	assert_int_equal(fake_starts(T3("anna")), 1);
	make_cgroup(fake);
	fake_end(fake, T3("anna"), "done");
	want(fake, "anna", INSTANCES_LOGIN);
	assert_int_equal(fake_starts(T3("anna")), 1); /* it is coming up */
}

/* Parked and back within the moment that its place in line is kept. */
static void what_was_stopped_while_it_came_up_is_started_again(void **state)
{
	const struct fake *fake = *state;

	want(fake, "anna", INSTANCES_LOGIN);
	fake_end(fake, T3("anna"), "done");
	want(fake, "anna", INSTANCES_LOGIN);
	assert_int_equal(fake_starts(T3("anna")), 2);
}

static void what_runs_is_left_alone(void **state)
{
	const struct fake *fake = *state;

	make_cgroup(fake);
	want(fake, "anna", INSTANCES_LOGIN);
	want(fake, "anna", INSTANCES_VISIT);
	assert_int_equal(fake_starts(T3("anna")), 0);
}

/* Stopped for being idle in the moment of the login: its cgroup was still there. */
static void what_was_just_ending_is_started_again(void **state)
{
	const struct fake *fake = *state;

	make_cgroup(fake);
	want(fake, "anna", INSTANCES_LOGIN);
	fake_pass_ms(fake, 6000);
	assert_int_equal(fake_starts(T3("anna")), 0); /* it does run */
	want(fake, "anna", INSTANCES_LOGIN);
	remove_cgroup(fake);
	assert_int_equal(fake_starts(T3("anna")), 0);
	fake_pass_ms(fake, 6000);
	assert_int_equal(fake_starts(T3("anna")), 1);
}

static void with_visit_a_login_does_not(void **state)
{
	const struct fake *fake = *state;

	fake->daemon->config.instances_start = CONFIG_START_VISIT;
	want(fake, "anna", INSTANCES_LOGIN);
	assert_int_equal(fake_starts(T3("anna")), 0);
	want(fake, "anna", INSTANCES_VISIT);
	assert_int_equal(fake_starts(T3("anna")), 1);
}

static void without_a_t3_nothing_is_started(void **state)
{
	const struct fake *fake = *state;
	struct scratch *scratch = fake->scratch;

	assert_int_equal(unlinkat(scratch->env.root_dirfd, "opt/devvm/t3/current", 0), 0);
	want(fake, "anna", INSTANCES_LOGIN);
	assert_int_equal(fake_starts(T3("anna")), 0);
	scratch_write(scratch, "opt/devvm/t3/people/anna", "", 0644);
	want(fake, "anna", INSTANCES_LOGIN);
	assert_int_equal(fake_starts(T3("anna")), 1);
}

static void on_hold_nothing_is_started(void **state)
{
	const struct fake *fake = *state;

	scratch_write(fake->scratch, "var/lib/devvm/hold/anna", "", 0644);
	want(fake, "anna", INSTANCES_LOGIN);
	assert_int_equal(fake_starts(T3("anna")), 0);
}

static void parked_and_unknown_people_have_none(void **state)
{
	const struct fake *fake = *state;
	struct scratch *scratch = fake->scratch;
	DV_AUTO_PEOPLE_ROW struct people_row row = scratch_wanted("anna", 0);

	row.parked = true;
	assert_ok(scratch, people_put_wanted(scratch->ledger, &row, &scratch->err));
	want(fake, "anna", INSTANCES_LOGIN);
	want(fake, "stranger", INSTANCES_LOGIN);
	row.parked = false;
	assert_ok(scratch, people_put_wanted(scratch->ledger, &row, &scratch->err));
	assert_ok(scratch, people_set_left(scratch->ledger, "anna", &scratch->err));
	want(fake, "anna", INSTANCES_LOGIN);
	assert_int_equal(fake_n_units, 1);
}

static unsigned int count_running(void)
{
	unsigned int n = 0;

	for (size_t i = 0; i < fake_n_units; i++)
		n += fake_units[i].running && strncmp(fake_units[i].name, "t3-serve@", 9) == 0;
	return n;
}

static void so_many_start_at_once_in_the_order_they_came(void **state)
{
	const struct fake *fake = *state;
	char name[16], unit[64];

	for (unsigned int i = 0; i < 10; i++) {
		(void)snprintf(name, sizeof(name), "user%u", i);
		fake_person(fake, name, 10 + i, "power-user");
		want(fake, name, INSTANCES_LOGIN);
	}
	assert_int_equal(count_running(), INSTANCES_AT_ONCE);
	assert_true(fake_runs(T3("user0")) && fake_runs(T3("user3")));
	fake_end(fake, T3("user1"), "done");
	assert_int_equal(count_running(), INSTANCES_AT_ONCE - 1); /* it still works hard */
	fake_pass_ms(fake, 3000);
	assert_true(fake_runs(T3("user4")));
	fake_end(fake, T3("user2"), "failed");
	assert_true(fake_runs(T3("user5"))); /* nothing to wait for there */
	for (unsigned int i = 0; i < 10; i++) {
		(void)snprintf(unit, sizeof(unit), "t3-serve@user%u.service", i);
		if (fake_runs(unit))
			fake_end(fake, unit, "done");
		fake_pass_ms(fake, 3000);
		assert_int_equal(fake_starts(unit), 1);
	}
	assert_int_equal(count_running(), 0);
}

/* For the first copy of a large database, or of one that cannot be copied. */
static void who_waits_does_not_keep_the_others_waiting(void **state)
{
	const struct fake *fake = *state;
	char name[16];

	for (unsigned int i = 0; i < INSTANCES_AT_ONCE; i++) {
		(void)snprintf(name, sizeof(name), "user%u", i);
		fake_person(fake, name, 10 + i, "power-user");
		want(fake, name, INSTANCES_LOGIN);
	}
	want(fake, "anna", INSTANCES_LOGIN);
	fake_pass_ms(fake, 5000);
	assert_int_equal(fake_starts(T3("anna")), 0);
	fake_pass_ms(fake, 6000);
	assert_true(fake_runs(T3("anna")));
	want(fake, "user0", INSTANCES_LOGIN);
	assert_int_equal(fake_starts(T3("user0")), 1); /* it is still on its way */
	/* Their places are counted once. */
	for (unsigned int i = 0; i < INSTANCES_AT_ONCE; i++) {
		(void)snprintf(name, sizeof(name), "late%u", i);
		fake_person(fake, name, 20 + i, "power-user");
		want(fake, name, INSTANCES_LOGIN);
	}
	fake_end(fake, T3("user0"), "done");
	fake_end(fake, T3("user1"), "failed");
	fake_pass_ms(fake, 3000);
	assert_true(fake_runs(T3("late2")));
	assert_int_equal(fake_starts(T3("late3")), 0);
}

static void who_is_parked_while_in_line_is_left_out(void **state)
{
	const struct fake *fake = *state;
	struct scratch *scratch = fake->scratch;
	DV_AUTO_PEOPLE_ROW struct people_row row = scratch_wanted("anna", 0);
	char name[16];

	for (unsigned int i = 0; i < INSTANCES_AT_ONCE; i++) {
		(void)snprintf(name, sizeof(name), "user%u", i);
		fake_person(fake, name, 10 + i, "power-user");
		want(fake, name, INSTANCES_LOGIN);
	}
	want(fake, "anna", INSTANCES_LOGIN);
	row.parked = true;
	assert_ok(scratch, people_put_wanted(scratch->ledger, &row, &scratch->err));
	fake_end(fake, T3("user0"), "failed");
	assert_int_equal(fake_starts(T3("anna")), 0);
}

static void without_a_bus_the_next_login_tries_again(void **state)
{
	const struct fake *fake = *state;

	fake_bus_is_down = true;
	want(fake, "anna", INSTANCES_LOGIN);
	fake_bus_is_down = false;
	want(fake, "anna", INSTANCES_LOGIN);
	assert_int_equal(fake_starts(T3("anna")), 1);
}

static void an_ensure_is_a_visit(void **state)
{
	const struct fake *fake = *state;

	fake->daemon->config.instances_start = CONFIG_START_VISIT;
	assert_string_equal(fake_ask(fake, 1001, "ensure\nv=1\nuser=anna\n"), "done");
	assert_int_equal(fake_starts(T3("anna")), 1);
}

static void a_visit_to_the_terminal_opens_its_socket_alone(void **state)
{
	const struct fake *fake = *state;

	assert_string_equal(fake_ask(fake, 1001, "ensure\nv=1\nuser=anna\nterminal=1\n"), "done");
	assert_int_equal(fake_starts("ttyd@anna.socket"), 1);
	assert_int_equal(fake_starts(T3("anna")), 0);
	scratch_write(fake->scratch, "var/lib/devvm/hold/anna", "", 0644);
	assert_string_equal(fake_ask(fake, 1001, "ensure\nv=1\nuser=anna\nterminal=1\n"), "done");
	assert_int_equal(fake_starts("ttyd@anna.socket"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_login_starts_it_once),
		TEST(what_was_stopped_while_it_came_up_is_started_again),
		TEST(what_runs_is_left_alone),
		TEST(what_was_just_ending_is_started_again),
		TEST(with_visit_a_login_does_not),
		TEST(without_a_t3_nothing_is_started),
		TEST(on_hold_nothing_is_started),
		TEST(parked_and_unknown_people_have_none),
		TEST(so_many_start_at_once_in_the_order_they_came),
		TEST(who_waits_does_not_keep_the_others_waiting),
		TEST(who_is_parked_while_in_line_is_left_out),
		TEST(without_a_bus_the_next_login_tries_again),
		TEST(an_ensure_is_a_visit),
		TEST(a_visit_to_the_terminal_opens_its_socket_alone),
	};

	return cmocka_run_group_tests_name("instances", tests, NULL, NULL);
}
