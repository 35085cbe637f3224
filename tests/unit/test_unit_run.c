/* test_unit_run.c - a unit that works for root: the sentence of its failure is its own where it left one. systemctl
 * is a script of the test. */
#include "scratch.h"

#include <sys/stat.h>

#include "base/clock.h"
#include "steps/unit_run.h"

#define ERROR_PATH "var/cache/work/error"
#define DEADLINE_MS 10000

static int setup(void **state)
{
	int r = scratch_setup(state);
	struct scratch *scratch = *state;
	char path[300];

	(void)snprintf(path, sizeof(path), "%s/bin:/usr/bin:/bin", scratch->folder);
	return r < 0 ? r : setenv("PATH", path, 1);
}

static int run(struct scratch *scratch, const char *script)
{
	DV_AUTO_FREE char *text = NULL;

	assert_true(asprintf(&text, "#!/bin/sh\necho \"$@\" >%s/asked\n%s\n", scratch->folder,
			     script) > 0);
	scratch_write(scratch, "bin/systemctl", text, 0755);
	return unit_run(&scratch->env, "work.service", ERROR_PATH, "work",
			clock_deadline_ms(DEADLINE_MS), &scratch->err);
}

static void one_that_ends_well(void **state)
{
	struct scratch *scratch = *state;

	assert_ok(scratch, run(scratch, "exit 0"));
	assert_file(scratch, "asked", "start work.service\n");
	unit_run_clean("work.service");
	assert_file(scratch, "asked", "clean --what=cache work.service\n");
}

static void its_own_sentence_comes_first(void **state)
{
	struct scratch *scratch = *state;

	scratch_write(scratch, ERROR_PATH, "npm: E404: not there\nmore\n", 0644);
	assert_true(run(scratch, "echo Job failed; exit 1") < 0);
	assert_string_equal(scratch->err.text, "work: npm: E404: not there");
}

static void without_one_systemd_has_the_word(void **state)
{
	static const char *const odd[] = { "", "\n", "a\x1b[31mb", "\xff" };
	struct scratch *scratch = *state;

	assert_true(run(scratch, "echo Job failed; exit 1") < 0);
	assert_contains(scratch->err.text, "Job failed");
	for (size_t i = 0; i < DV_COUNT(odd); i++) {
		scratch_write(scratch, ERROR_PATH, odd[i], 0644);
		assert_true(run(scratch, "echo Job failed; exit 1") < 0);
		assert_contains(scratch->err.text, "work: ");
		assert_contains(scratch->err.text, "Job failed");
	}
	/* Its folder is somebody's: a link is not followed. */
	assert_int_equal(unlinkat(scratch->env.root_dirfd, ERROR_PATH, 0), 0);
	assert_int_equal(symlinkat("/etc/hostname", scratch->env.root_dirfd, ERROR_PATH), 0);
	assert_true(run(scratch, "echo Job failed; exit 1") < 0);
	assert_contains(scratch->err.text, "Job failed");
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, scratch_teardown)
	const struct CMUnitTest tests[] = {
		TEST(one_that_ends_well),
		TEST(its_own_sentence_comes_first),
		TEST(without_one_systemd_has_the_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
