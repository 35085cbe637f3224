/* test_retire_legacy.c - hand-made units are found, and disabled by the person's own systemd
 * or, where that does not run, by removing the links. What needs a real one is shown
 * on the host. */
#include "scratch.h"

#include <fcntl.h>
#include <sys/stat.h>

#define UNITS "home/emo/.config/systemd/user"
#define SERVICE UNITS "/playwright-mcp.service"
#define TIMER UNITS "/playwright-snapshot.timer"
#define WANTS UNITS "/default.target.wants"
#define LINK WANTS "/playwright-mcp.service"

static int check(struct scratch *scratch, struct home_work *work, char what[static STEP_WHAT_BYTES])
{
	return scratch_check_home(scratch, step_find("retire-legacy"), work, what);
}

static int apply(struct scratch *scratch, struct home_work *work)
{
	return scratch_apply_home(scratch, step_find("retire-legacy"), work);
}

static struct home_work make_legacy(struct scratch *scratch)
{
	struct home_work work = scratch_make_home(scratch);

	scratch_write(scratch, SERVICE, "[Service]\n", 0644);
	scratch_write(scratch, TIMER, "[Timer]\n", 0644);
	scratch_make_folder(scratch, WANTS, 0755);
	assert_int_equal(symlinkat("../playwright-mcp.service", scratch->env.root_dirfd, LINK), 0);
	return work;
}

static void a_home_without_any_is_fine(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = scratch_make_home(scratch);
	char what[STEP_WHAT_BYTES];

	assert_int_equal(check(scratch, &work, what), STEP_FINE);
	scratch_write(scratch, UNITS "/mine.service", "[Service]\n", 0644);
	scratch_write(scratch, UNITS "/playwright-notes.txt", "x", 0644);
	assert_int_equal(symlinkat("/usr/lib/x", scratch->env.root_dirfd, SERVICE), 0);
	scratch_make_folder(scratch, WANTS, 0755);
	assert_int_equal(symlinkat("/usr/lib/x", scratch->env.root_dirfd, LINK), 0);
	assert_int_equal(check(scratch, &work, what), STEP_FINE);
	assert_string_equal(scratch->err.text, ""); /* guard.c takes a sentence for a failure */
	assert_ok(scratch, apply(scratch, &work));
}

static void without_their_systemd_the_links_go(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = make_legacy(scratch);
	char what[STEP_WHAT_BYTES];
	struct stat st;

	scratch_write(scratch, WANTS "/playwright-snapshot.timer", "a file is no link", 0644);
	assert_int_equal(symlinkat("../x", scratch->env.root_dirfd, WANTS "/x.service"), 0);
	assert_int_equal(check(scratch, &work, what), STEP_DIFFERS);
	assert_string_equal(what, "stop and disable the hand-made playwright-mcp.service");
	assert_ok(scratch, apply(scratch, &work));
	assert_int_equal(check(scratch, &work, what), STEP_FINE);
	assert_int_equal(fstatat(scratch->env.root_dirfd, LINK, &st, AT_SYMLINK_NOFOLLOW), -1);
	assert_file(scratch, SERVICE, "[Service]\n");
	assert_file(scratch, TIMER, "[Timer]\n");
	assert_true(scratch_has(scratch, WANTS "/playwright-snapshot.timer"));
	assert_int_equal(fstatat(scratch->env.root_dirfd, WANTS "/x.service", &st,
				 AT_SYMLINK_NOFOLLOW),
			 0);
}

static void folders_that_lead_elsewhere_are_left_alone(void **state)
{
	static const char *const targets[] = { "/etc/shadow", "/tmp", "../../elsewhere" };
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = scratch_make_home(scratch);
	char what[STEP_WHAT_BYTES];

	scratch_write(scratch, "elsewhere/playwright-mcp.service", "[Service]\n", 0644);
	scratch_make_folder(scratch, "home/emo/.config/systemd", 0755);
	for (size_t i = 0; i < DV_COUNT(targets); i++) {
		assert_int_equal(symlinkat(targets[i], scratch->env.root_dirfd, UNITS), 0);
		assert_int_equal(check(scratch, &work, what), STEP_FINE);
		assert_string_equal(scratch->err.text, "");
		assert_int_equal(unlinkat(scratch->env.root_dirfd, UNITS, 0), 0);
	}
	assert_int_equal(mkfifoat(scratch->env.root_dirfd, UNITS, 0600), 0);
	assert_int_equal(check(scratch, &work, what), STEP_FINE);
}

static void a_home_full_of_them_is_refused(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = scratch_make_home(scratch);
	char what[STEP_WHAT_BYTES];

	for (int i = 0; i < 17; i++) {
		char path[128];

		(void)snprintf(path, sizeof(path), UNITS "/playwright-%d.service", i);
		scratch_write(scratch, path, "", 0644);
	}
	assert_int_equal(check(scratch, &work, what), -E2BIG);
	assert_contains(scratch->err.text, "look into ~/.config/systemd/user");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_home_without_any_is_fine),
		TEST(without_their_systemd_the_links_go),
		TEST(folders_that_lead_elsewhere_are_left_alone),
		TEST(a_home_full_of_them_is_refused),
	};

	return cmocka_run_group_tests_name("retire_legacy", tests, NULL, NULL);
}
