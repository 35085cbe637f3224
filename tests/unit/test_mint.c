/* test_mint.c - who gets which credential: one each, in the order of coming, under one cap; what is made
 * for nobody goes nowhere, and what went wrong is told. */
#include "fake_daemon.h"

#define MINT(user) "mint\nv=1\nuser=" user "\n"
#define MINTED(user, more) "minted\nv=1\nuser=" user "\n" more
#define UNIT(user) "devvm-mint@" user ".service"
#define ANNA 1001
#define BOB 1002

/* Packets that are wiped, instead of libc's way to do it. */
static size_t n_wiped;

void explicit_bzero(void *bytes, size_t n_bytes)
{
	const char *volatile was = bytes;

	n_wiped += n_bytes > 7 && memcmp(was, "minted\n", 7) == 0;
	memset(bytes, 0, n_bytes);
	__asm__ volatile("" : : "r"(bytes) : "memory");
}

static int say(const struct fake *fake, uid_t uid, const char *packet)
{
	int fd = fake_connect(fake, FAKE_HELPER, uid);

	fake_say(fake, fd, packet);
	return fd;
}

static void people(const struct fake *fake)
{
	fake_person(fake, "anna", 0, "power-user");
	fake_person(fake, "bob", 1, "power-user");
	fake_person(fake, "carl", 2, "power-user");
}

static void a_credential_goes_to_who_asked_and_is_gone(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	people(fake);
	fd = say(fake, 0, MINT("anna"));
	assert_heard(fake, fd, "(nothing)");
	assert_int_equal(fake_starts(UNIT("anna")), 1);
	assert_string_equal(fake_ask(fake, ANNA,
				     MINTED("anna",
					    "credential=C1\nversion=0.0.24\nexpires=soon\n")),
			    "done");
	assert_int_equal(n_wiped, 1);
	assert_heard(fake, fd, "row kind=credential credential=C1 expires=soon version=0.0.24");
	assert_heard(fake, fd, "done");
	/* A second one is for nobody. */
	assert_string_equal(fake_ask(fake, ANNA, MINTED("anna", "credential=C2\nversion=1\n")),
			    "error code=denied text=no credential of anna was asked for");
}

static void each_caller_has_one_of_their_own_and_one_unit_runs_at_a_time(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int one = -1;
	DV_AUTO_CLOSE int two = -1;

	people(fake);
	one = say(fake, 0, MINT("anna"));
	two = say(fake, ANNA, MINT("anna"));
	assert_heard(fake, two, "(nothing)");
	assert_int_equal(fake_starts(UNIT("anna")), 1);
	assert_string_equal(fake_ask(fake, ANNA, MINTED("anna", "credential=C1\nversion=1\n")),
			    "done");
	assert_heard(fake, two, "(nothing)");
	fake_end(fake, UNIT("anna"), "done");
	assert_int_equal(fake_starts(UNIT("anna")), 2);
	assert_string_equal(fake_ask(fake, ANNA, MINTED("anna", "credential=C2\nversion=1\n")),
			    "done");
	assert_heard(fake, one, "row kind=credential credential=C1 version=1");
	assert_heard(fake, two, "row kind=credential credential=C2 version=1");
}

static void no_more_run_than_the_cap(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int one = -1;
	DV_AUTO_CLOSE int two = -1;
	DV_AUTO_CLOSE int three = -1;

	people(fake);
	one = say(fake, 0, MINT("anna"));
	two = say(fake, 0, MINT("bob"));
	three = say(fake, 0, MINT("carl"));
	assert_heard(fake, three, "(nothing)");
	assert_int_equal(fake_starts(UNIT("anna")) + fake_starts(UNIT("bob")), 2);
	assert_int_equal(fake_starts(UNIT("carl")), 0);
	assert_string_equal(fake_ask(fake, BOB, MINTED("bob", "credential=B\nversion=1\n")),
			    "done");
	fake_end(fake, UNIT("bob"), "done");
	assert_heard(fake, two, "row kind=credential credential=B version=1");
	assert_int_equal(fake_starts(UNIT("carl")), 1);
	assert_heard(fake, one, "(nothing)");
}

static void what_went_wrong_is_told(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int one = -1;
	DV_AUTO_CLOSE int two = -1;

	people(fake);
	one = say(fake, 0, MINT("anna"));
	assert_heard(fake, one, "(nothing)");
	assert_string_equal(fake_ask(fake, ANNA, MINTED("anna", "text=t3 printed nothing\n")),
			    "done");
	assert_heard(fake, one, "error code=failed text=t3 printed nothing");
	fake_end(fake, UNIT("anna"), "done");
	two = say(fake, 0, MINT("anna"));
	assert_heard(fake, two, "(nothing)");
	fake_end(fake, UNIT("anna"), "timeout");
	assert_heard(fake, two,
		     "error code=failed text=" UNIT("anna") ": timeout; see journalctl -u " UNIT(
			     "anna"));
	fake_bus_is_down = true;
	assert_string_equal(fake_ask(fake, 0, MINT("anna")),
			    "error code=failed text=the bus is down");
	fake_bus_is_down = false;
}

/* systemd skips the unit of who is on hold, and says it is done: another start would end the same. */
static void a_unit_without_a_word_is_not_started_again(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int one = -1;
	DV_AUTO_CLOSE int two = -1;

	people(fake);
	one = say(fake, 0, MINT("anna"));
	assert_heard(fake, one, "(nothing)");
	fake_end(fake, UNIT("anna"), "done");
	assert_heard(fake, one,
		     "error code=failed text=" UNIT("anna") " ended without a word; see journalctl "
							    "-u " UNIT("anna"));
	assert_int_equal(fake_starts(UNIT("anna")), 1);
	two = say(fake, 0, MINT("anna"));
	assert_heard(fake, two, "(nothing)");
	scratch_write(fake->scratch, "var/lib/devvm/hold/anna", "restore\n", 0644);
	fake_end(fake, UNIT("anna"), "done");
	assert_heard(fake, two,
		     "error code=failed text=somebody works on the data of anna; try again when "
		     "that is done");
	assert_int_equal(fake_starts(UNIT("anna")), 2);
}

/* The next one's failure is theirs at once, though it was another's unit that ended. */
static void who_comes_next_hears_that_they_cannot_be_served(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int one = -1;
	DV_AUTO_CLOSE int two = -1;
	DV_AUTO_CLOSE int three = -1;

	people(fake);
	one = say(fake, 0, MINT("anna"));
	two = say(fake, 0, MINT("bob"));
	three = say(fake, 0, MINT("carl"));
	assert_heard(fake, three, "(nothing)");
	fake_bus_is_down = true;
	fake_end(fake, UNIT("bob"), "timeout");
	fake_bus_is_down = false;
	assert_heard(fake, three, "error code=failed text=the bus is down");
	assert_heard(fake, one, "(nothing)");
}

static void whoever_leaves_leaves_the_list(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int one = -1;
	DV_AUTO_CLOSE int two = -1;

	people(fake);
	one = say(fake, 0, MINT("anna"));
	two = say(fake, 0, MINT("anna"));
	assert_heard(fake, two, "(nothing)");
	dv_closep(&one);
	one = -1;
	assert_heard(fake, two, "(nothing)");
	assert_string_equal(fake_ask(fake, ANNA, MINTED("anna", "credential=C1\nversion=1\n")),
			    "done");
	assert_heard(fake, two, "row kind=credential credential=C1 version=1");
}

static void nonsense_and_strangers_are_refused(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	people(fake);
	assert_string_equal(fake_ask(fake, 0, MINT("nobody")),
			    "error code=not-found text=nobody is not on the roster");
	assert_string_equal(
		fake_ask(fake, BOB, MINT("anna")),
		"error code=denied text=mint is only for root, admins, the front door, the "
		"person it is about");
	fd = say(fake, 0, MINT("anna"));
	assert_heard(fake, fd, "(nothing)");
	assert_string_equal(
		fake_ask(fake, BOB, MINTED("anna", "credential=X\nversion=1\n")),
		"error code=denied text=minted is only for root, the person it is about");
	assert_string_equal(
		fake_ask(fake, ANNA, MINTED("anna", "")),
		"error code=bad-request text=minted says either credential and version, or "
		"text");
	assert_string_equal(
		fake_ask(fake, ANNA, MINTED("anna", "credential=X\n")),
		"error code=bad-request text=minted says either credential and version, or "
		"text");
	assert_heard(fake, fd, "(nothing)");
}

static void a_hold_and_a_parked_person_have_none(void **state)
{
	const struct fake *fake = *state;

	people(fake);
	scratch_write(fake->scratch, "var/lib/devvm/hold/anna", "restore\n", 0644);
	assert_string_equal(
		fake_ask(fake, 0, MINT("anna")),
		"error code=denied text=somebody works on the data of anna; try again when that "
		"is done");
	assert_int_equal(fake_starts(UNIT("anna")), 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_credential_goes_to_who_asked_and_is_gone),
		TEST(each_caller_has_one_of_their_own_and_one_unit_runs_at_a_time),
		TEST(no_more_run_than_the_cap),
		TEST(what_went_wrong_is_told),
		TEST(a_unit_without_a_word_is_not_started_again),
		TEST(who_comes_next_hears_that_they_cannot_be_served),
		TEST(whoever_leaves_leaves_the_list),
		TEST(nonsense_and_strangers_are_refused),
		TEST(a_hold_and_a_parked_person_have_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
