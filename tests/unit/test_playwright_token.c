/* test_playwright_token.c - a token is given where there is none, and nothing else is touched. */
#include "scratch.h"

#include <fcntl.h>
#include <sys/stat.h>

#define TOKEN "home/emo/.config/playwright/token"

/* What systemd hands in; NULL for a unit without credentials. */
static void stage(struct scratch *scratch, const char *token)
{
	DV_AUTO_FREE char *folder = NULL;

	assert_true(asprintf(&folder, "%s/credentials", scratch->folder) > 0);
	scratch_write(scratch, "credentials/chrome-service-token", token, 0400);
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", folder, 1), 0);
}

static int stage_none(void **state DV_UNUSED)
{
	return unsetenv("CREDENTIALS_DIRECTORY");
}

static int check(struct scratch *scratch, struct home_work *work)
{
	char what[STEP_WHAT_BYTES];

	return scratch_check_home(scratch, step_find("playwright-token"), work, what);
}

static int apply(struct scratch *scratch, struct home_work *work)
{
	return scratch_apply_home(scratch, step_find("playwright-token"), work);
}

static void the_staged_token_comes_once(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = scratch_make_home(scratch);

	stage(scratch, "secret-1\n");
	assert_int_equal(check(scratch, &work), STEP_DIFFERS);
	assert_ok(scratch, apply(scratch, &work));
	assert_file(scratch, TOKEN, "secret-1\n");
	assert_int_equal(scratch_mode(scratch, TOKEN), 0600);
	assert_int_equal(scratch_mode(scratch, "home/emo/.config/playwright"), 0700);
	assert_false(scratch_has(scratch, "home/emo/.config/playwright/.devvm-token"));
	stage(scratch, "secret-2\n");
	assert_int_equal(check(scratch, &work), STEP_FINE);
	assert_ok(scratch, apply(scratch, &work)); /* as if it had come meanwhile */
	assert_file(scratch, TOKEN, "secret-1\n");
}

static void without_a_staged_one_nothing_is_done(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = scratch_make_home(scratch);

	assert_int_equal(check(scratch, &work), STEP_SKIPPED);
	assert_string_equal(scratch->err.text, ""); /* guard.c takes a sentence for a failure */
	stage(scratch, "");
	assert_int_equal(check(scratch, &work), STEP_SKIPPED);
	stage(scratch, "\n");
	assert_int_equal(check(scratch, &work), STEP_SKIPPED);
	assert_string_equal(scratch->err.text, "");
	assert_false(scratch_has(scratch, "home/emo/.config"));
}

static void their_own_stays(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = scratch_make_home(scratch);

	stage(scratch, "secret-1\n");
	scratch_write(scratch, TOKEN, "", 0644);
	assert_int_equal(check(scratch, &work), STEP_FINE);
	assert_int_equal(unlinkat(scratch->env.root_dirfd, TOKEN, 0), 0);
	assert_int_equal(symlinkat("/etc/shadow", scratch->env.root_dirfd, TOKEN), 0);
	assert_int_equal(check(scratch, &work), STEP_FINE);
	assert_int_equal(unlinkat(scratch->env.root_dirfd, TOKEN, 0), 0);
	assert_int_equal(symlinkat("/nowhere", scratch->env.root_dirfd, TOKEN), 0);
	assert_int_equal(check(scratch, &work), STEP_FINE);
}

static void odd_things_are_named_and_stay(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = scratch_make_home(scratch);

	stage(scratch, "secret-1\n");
	scratch_make_folder(scratch, TOKEN, 0700);
	assert_int_equal(check(scratch, &work), -EINVAL);
	assert_string_equal(scratch->err.text,
			    "~/.config/playwright/token is no file: move it away");
	assert_int_equal(unlinkat(scratch->env.root_dirfd, TOKEN, AT_REMOVEDIR), 0);
	assert_int_equal(mkfifoat(scratch->env.root_dirfd, TOKEN, 0600), 0);
	assert_int_equal(check(scratch, &work), -EINVAL);
}

static void a_folder_that_leads_out_fails(void **state)
{
	static const char *const targets[] = { "/etc/shadow", "/dev/null", "loop" };
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = scratch_make_home(scratch);

	stage(scratch, "secret-1\n");
	for (size_t i = 0; i < DV_COUNT(targets); i++) {
		assert_int_equal(symlinkat(targets[i], scratch->env.root_dirfd, "home/emo/.config"),
				 0);
		scratch->err.text[0] = '\0';
		if (check(scratch, &work) == STEP_DIFFERS)
			assert_true(apply(scratch, &work) < 0);
		assert_contains(scratch->err.text, ".config");
		assert_int_equal(unlinkat(scratch->env.root_dirfd, "home/emo/.config", 0), 0);
	}
	assert_int_equal(mkfifoat(scratch->env.root_dirfd, "home/emo/.config", 0600), 0);
	assert_true(check(scratch, &work) < 0);
}

static int setup(void **state)
{
	return stage_none(state) | scratch_setup(state);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_staged_token_comes_once),
		TEST(without_a_staged_one_nothing_is_done),
		TEST(their_own_stays),
		TEST(odd_things_are_named_and_stay),
		TEST(a_folder_that_leads_out_fails),
	};

	return cmocka_run_group_tests_name("playwright_token", tests, NULL, NULL);
}
