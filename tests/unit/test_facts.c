/* test_facts.c - has a home a claude login of its own? */
#include "scratch.h"

#include <sys/stat.h>

#include "steps/facts.h"

#define CREDENTIALS "home/emo/.claude/.credentials.json"
#define SOMEBODY 65534 /* who is not root, for a test that runs as root */

static void assert_login(struct scratch *scratch, const struct home_work *work,
			 const char *expected)
{
	enum people_login login = PEOPLE_LOGIN_UNKNOWN;

	assert_ok(scratch, facts_look(work, &login, &scratch->err));
	assert_string_equal(people_login_name(login), expected);
}

static void a_home_without_claude_has_none(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = scratch_make_home(scratch);

	assert_login(scratch, &work, "none");
	scratch_make_folder(scratch, "home/emo/.claude", 0700);
	assert_login(scratch, &work, "none");
}

static void a_login_of_their_own_is_seen(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = scratch_make_home(scratch);

	scratch_write(scratch, CREDENTIALS, "{}", 0600);
	assert_login(scratch, &work, "own");
}

static void an_empty_file_is_no_login(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = scratch_make_home(scratch);

	scratch_write(scratch, CREDENTIALS, "", 0600);
	assert_login(scratch, &work, "none");
}

static void a_folder_is_no_login(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = scratch_make_home(scratch);

	scratch_make_folder(scratch, CREDENTIALS, 0700);
	assert_login(scratch, &work, "none");
}

static void a_fifo_is_no_login_and_does_not_hang(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = scratch_make_home(scratch);

	scratch_make_folder(scratch, "home/emo/.claude", 0700);
	assert_int_equal(mkfifoat(scratch->env.root_dirfd, CREDENTIALS, 0600), 0);
	assert_login(scratch, &work, "none");
}

static void a_login_kept_elsewhere_is_seen(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = scratch_make_home(scratch);

	scratch_write(scratch, "home/emo/safe/login.json", "{}", 0600);
	scratch_make_folder(scratch, "home/emo/.claude", 0700);
	assert_int_equal(symlinkat("../safe/login.json", scratch->env.root_dirfd, CREDENTIALS), 0);
	assert_login(scratch, &work, "own");
}

static void links_that_lead_nowhere_are_no_login(void **state)
{
	static const char *const targets[] = { "nowhere", ".credentials.json" };
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = scratch_make_home(scratch);

	scratch_make_folder(scratch, "home/emo/.claude", 0700);
	for (size_t i = 0; i < DV_COUNT(targets); i++) {
		assert_int_equal(symlinkat(targets[i], scratch->env.root_dirfd, CREDENTIALS), 0);
		assert_login(scratch, &work, "none");
		assert_int_equal(unlinkat(scratch->env.root_dirfd, CREDENTIALS, 0), 0);
	}
}

static void a_file_named_claude_is_no_login(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = scratch_make_home(scratch);

	scratch_write(scratch, "home/emo/.claude", "mine\n", 0600);
	assert_login(scratch, &work, "none");
}

static void what_cannot_be_told_is_not_told(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = scratch_make_home(scratch);
	enum people_login login = PEOPLE_LOGIN_UNKNOWN;
	bool was_root = geteuid() == 0;
	int r;

	scratch_write(scratch, CREDENTIALS, "{}", 0600);
	scratch_make_folder(scratch, "home/emo/.claude", 0000);
	if (was_root)
		assert_int_equal(seteuid(SOMEBODY), 0);
	r = facts_look(&work, &login, &scratch->err);
	if (was_root)
		assert_int_equal(seteuid(0), 0);
	scratch_make_folder(scratch, "home/emo/.claude", 0700);
	assert_int_equal(r, -EACCES);
	assert_string_equal(people_login_name(login), "unknown");
	assert_string_equal(scratch->err.text,
			    "look at ~/.claude/.credentials.json: Permission denied");
}

static void looking_changes_nothing(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = scratch_make_home(scratch);
	DV_AUTO_FREE char *before = scratch_dump_tree(scratch);
	DV_AUTO_FREE char *after = NULL;
	char what[STEP_WHAT_BYTES];

	assert_int_equal(scratch_check_home(scratch, step_find("facts"), &work, what), STEP_FINE);
	assert_ok(scratch, scratch_apply_home(scratch, step_find("facts"), &work));
	after = scratch_dump_tree(scratch);
	assert_string_equal(after, before);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_home_without_claude_has_none),
		TEST(a_login_of_their_own_is_seen),
		TEST(an_empty_file_is_no_login),
		TEST(a_folder_is_no_login),
		TEST(a_fifo_is_no_login_and_does_not_hang),
		TEST(a_login_kept_elsewhere_is_seen),
		TEST(links_that_lead_nowhere_are_no_login),
		TEST(a_file_named_claude_is_no_login),
		TEST(what_cannot_be_told_is_not_told),
		TEST(looking_changes_nothing),
	};

	return cmocka_run_group_tests_name("facts", tests, NULL, NULL);
}
