/* test_ports.c - the two env files a person's units read. */
#include "scratch.h"

#define T3_FILE "etc/t3-serve/emo.env"
#define PLAYWRIGHT_FILE "etc/t3-serve/playwright-emo.env"

static int check(struct scratch *scratch, char ret_what[static STEP_WHAT_BYTES])
{
	return scratch_check(scratch, step_find("ports"), "emo", ret_what);
}

static int apply(struct scratch *scratch)
{
	return scratch_apply(scratch, step_find("ports"), "emo");
}

static void each_service_has_its_file(void **state)
{
	struct scratch *scratch = *state;
	char what[STEP_WHAT_BYTES];

	scratch_add_person(scratch, "emo", 4, PEOPLE_LOGIN_NONE);
	assert_int_equal(check(scratch, what), STEP_DIFFERS);
	assert_ok(scratch, apply(scratch));
	assert_file(scratch, T3_FILE, "T3_PORT=3777\n");
	assert_file(scratch, PLAYWRIGHT_FILE, "PLAYWRIGHT_PORT=8935\n");
	assert_int_equal(scratch_mode(scratch, T3_FILE), 0600);
	assert_int_equal(scratch_mode(scratch, PLAYWRIGHT_FILE), 0600);
	assert_int_equal(scratch_mode(scratch, "etc/t3-serve"), 0755);
	assert_int_equal(check(scratch, what), STEP_FINE);
}

static void a_change_by_hand_is_named_and_undone(void **state)
{
	struct scratch *scratch = *state;
	char what[STEP_WHAT_BYTES];

	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_NONE);
	assert_ok(scratch, apply(scratch));
	scratch_write(scratch, PLAYWRIGHT_FILE, "A=1\nPLAYWRIGHT_PORT=9999\n", 0600);
	assert_int_equal(check(scratch, what), STEP_DIFFERS);
	assert_string_equal(what, "write PLAYWRIGHT_PORT=8931 to /etc/t3-serve/playwright-emo.env");
	assert_ok(scratch, apply(scratch));
	assert_file(scratch, PLAYWRIGHT_FILE, "A=1\nPLAYWRIGHT_PORT=8931\n");
}

static void a_file_that_others_may_read_is_closed(void **state)
{
	struct scratch *scratch = *state;
	char what[STEP_WHAT_BYTES];

	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_NONE);
	assert_ok(scratch, apply(scratch));
	scratch_write(scratch, T3_FILE, "T3_PORT=3773\n", 0640);
	assert_int_equal(check(scratch, what), STEP_DIFFERS);
	assert_ok(scratch, apply(scratch));
	assert_int_equal(scratch_mode(scratch, T3_FILE), 0600);
}

static void a_link_in_their_place_is_refused(void **state)
{
	struct scratch *scratch = *state;
	char what[STEP_WHAT_BYTES];

	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_NONE);
	scratch_write(scratch, "etc/passwd", "root:x:0:0\n", 0644);
	scratch_make_folder(scratch, "etc/t3-serve", 0755);
	assert_int_equal(symlinkat("../passwd", scratch->env.root_dirfd, T3_FILE), 0);
	assert_int_equal(check(scratch, what), -ELOOP);
	assert_int_equal(apply(scratch), -ELOOP);
	assert_file(scratch, "etc/passwd", "root:x:0:0\n");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_service_has_its_file),
		TEST(a_change_by_hand_is_named_and_undone),
		TEST(a_file_that_others_may_read_is_closed),
		TEST(a_link_in_their_place_is_refused),
	};

	return cmocka_run_group_tests_name("ports", tests, NULL, NULL);
}
