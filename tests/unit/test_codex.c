/* test_codex.c - the link to the shared login. Who is a member the machine says; here it is only
 * what happens for one. */
#include "scratch.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>

#include "steps/codex.h"

#define LOGIN "home/emo/.codex/auth.json"
#define SHARED "opt/codex-shared/auth.json"

static int look(struct scratch *scratch, struct home_work *work)
{
	struct step_context context = { .env = &scratch->env,
					.config = &scratch->config,
					.home = work };
	enum step_verdict verdict = STEP_UNSET;
	char what[STEP_WHAT_BYTES];
	int r = codex_look(&context, &verdict, what, &scratch->err);

	return r < 0 ? r : (int)verdict;
}

static int apply(struct scratch *scratch, struct home_work *work)
{
	return scratch_apply_home(scratch, step_find("codex"), work);
}

static void a_member_gets_the_link(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = scratch_make_home(scratch);
	char target[64] = "";

	assert_int_equal(look(scratch, &work), STEP_SKIPPED); /* nothing is staged yet */
	assert_string_equal(scratch->err.text, "");
	scratch_write(scratch, SHARED, "{}", 0660);
	assert_int_equal(look(scratch, &work), STEP_DIFFERS);
	assert_ok(scratch, apply(scratch, &work));
	assert_true(readlinkat(scratch->env.root_dirfd, LOGIN, target, sizeof(target) - 1) > 0);
	assert_string_equal(target, "/" SHARED);
	assert_int_equal(scratch_mode(scratch, "home/emo/.codex"), 0700);
	assert_int_equal(look(scratch, &work), STEP_FINE);
	assert_ok(scratch, apply(scratch, &work));
}

static void their_own_stays(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = scratch_make_home(scratch);

	scratch_write(scratch, SHARED, "{}", 0660);
	scratch_write(scratch, LOGIN, "mine", 0600);
	assert_int_equal(look(scratch, &work), STEP_FINE);
	assert_ok(scratch, apply(scratch, &work));
	assert_file(scratch, LOGIN, "mine");
	assert_int_equal(unlinkat(scratch->env.root_dirfd, LOGIN, 0), 0);
	assert_int_equal(symlinkat("/nowhere", scratch->env.root_dirfd, LOGIN), 0);
	assert_int_equal(look(scratch, &work), STEP_FINE);
}

static void a_folder_that_is_none_is_named(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = scratch_make_home(scratch);

	scratch_write(scratch, SHARED, "{}", 0660);
	assert_int_equal(symlinkat("/etc/shadow", scratch->env.root_dirfd, "home/emo/.codex"), 0);
	assert_int_equal(look(scratch, &work), -ENOTDIR);
	assert_string_equal(scratch->err.text, "look at ~/.codex/auth.json: Not a directory");
	assert_true(apply(scratch, &work) < 0);
	assert_contains(scratch->err.text, ".codex");
}

static void who_is_no_member_is_left_alone(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = scratch_make_home(scratch);
	char what[STEP_WHAT_BYTES];

	if (getgrnam("codex-shared"))
		skip(); /* a devvm: the one who runs this may be a member */
	scratch_write(scratch, SHARED, "{}", 0660);
	assert_int_equal(scratch_check_home(scratch, step_find("codex"), &work, what),
			 STEP_SKIPPED);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_member_gets_the_link),
		TEST(their_own_stays),
		TEST(a_folder_that_is_none_is_named),
		TEST(who_is_no_member_is_left_alone),
	};

	return cmocka_run_group_tests_name("codex", tests, NULL, NULL);
}
