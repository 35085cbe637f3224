/* test_groups.c - which groups somebody lacks. Adding them is gpasswd's and root's: see
 * tests/host. */
#include "scratch.h"

static const char *const BOTH[] = { "ancamilea", "emo", NULL };
static const char *const OTHERS[] = { "ancamilea", "wizard", NULL };

/* What the plan says for somebody whose roster line wants `groups`. */
static void assert_plan(struct scratch *scratch, const char *groups, const char *expected)
{
	DV_AUTO_PEOPLE_ROW struct people_row row = scratch_wanted("emo", 0);
	char what[STEP_WHAT_BYTES];
	int verdict;

	free(row.groups);
	row.groups = strdup(groups);
	assert_ok(scratch, people_put_wanted(scratch->ledger, &row, &scratch->err));
	verdict = scratch_check(scratch, step_find("groups"), "emo", what);
	assert_int_equal(verdict, expected ? STEP_DIFFERS : STEP_FINE);
	if (expected)
		assert_string_equal(what, expected);
}

static void what_is_missing_is_named(void **state)
{
	struct scratch *scratch = *state;

	scratch_add_account(scratch, "emo", 1001);
	scratch_add_group(scratch, "docker", 900, OTHERS);
	scratch_add_group(scratch, "sudo", 27, NULL);
	scratch_add_group(scratch, "video", 44, BOTH);
	assert_plan(scratch, "docker\nsudo\nvideo", "add to docker, add to sudo");
	assert_plan(scratch, "video", NULL);
	assert_plan(scratch, "", NULL);
}

static void a_group_that_does_not_exist_is_left_out(void **state)
{
	struct scratch *scratch = *state;

	scratch_add_account(scratch, "emo", 1001);
	scratch_add_group(scratch, "sudo", 27, NULL);
	assert_plan(scratch, "code-shared", NULL);
	assert_plan(scratch, "code-shared\nsudo", "add to sudo");
}

static void the_primary_group_counts(void **state)
{
	struct scratch *scratch = *state;

	scratch_add_account(scratch, "emo", 1001);
	scratch_add_group(scratch, "emos", 1001, NULL);
	assert_plan(scratch, "emos", NULL);
}

static void other_groups_are_not_our_business(void **state)
{
	struct scratch *scratch = *state;

	scratch_add_account(scratch, "emo", 1001);
	scratch_add_group(scratch, "docker", 900, BOTH);
	assert_plan(scratch, "", NULL);
}

/* A plan checks before there is an account; a reconcile has made it by then. */
static void without_an_account_every_group_is_missing(void **state)
{
	struct scratch *scratch = *state;

	scratch_add_group(scratch, "docker", 900, NULL);
	assert_plan(scratch, "docker\nsudo", "add to docker");
}

static void applying_nothing_runs_nothing(void **state)
{
	struct scratch *scratch = *state;

	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_NONE);
	assert_ok(scratch, scratch_apply(scratch, step_find("groups"), "emo"));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_missing_is_named),
		TEST(a_group_that_does_not_exist_is_left_out),
		TEST(the_primary_group_counts),
		TEST(other_groups_are_not_our_business),
		TEST(without_an_account_every_group_is_missing),
		TEST(applying_nothing_runs_nothing),
	};

	return cmocka_run_group_tests_name("groups", tests, NULL, NULL);
}
