/* test_claude_cache.c - the machine's copy of claude: downloaded once, checked without being
 * read, downloaded anew when it is not what was pinned, and nothing left of what is refused. */
#include "scratch.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "steps/claude_cache.h"

#define FOLDER CLAUDE_FOLDER "/versions/2.1.0"
#define PROGRAM FOLDER "/claude"
#define RECORD FOLDER "/claude.checked"
#define TEXT "#!/bin/sh\necho 2.1.0\n"
#define DAY_USEC (INT64_C(24) * 3600 * 1000000)

static const struct step *step;
static char what[STEP_WHAT_BYTES];

/* A machine whose claude.url is a file below the scratch. */
static struct scratch *setup(void **state, const char *served)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *url = NULL;
	char sha256[DIGEST_HEX_BYTES];

	step = step_find("claude-cache");
	scratch_write(scratch, "srv/2.1.0/claude-2.1.0", served, 0644);
	scratch_digest(TEXT, sha256);
	assert_true(asprintf(&url, "file://%s/srv/{version}/claude-{version}", scratch->folder) >
		    0);
	scratch->config.claude_source = CLAUDE_CACHE;
	scratch_set(&scratch->config.claude_version, "2.1.0");
	scratch_set(&scratch->config.claude_url, url);
	scratch_set(&scratch->config.claude_sha256, sha256);
	return scratch;
}

static int check(struct scratch *scratch)
{
	return scratch_check_machine(scratch, step, what);
}

static void assert_current(struct scratch *scratch, const char *expected)
{
	char target[64] = "";

	assert_true(readlinkat(scratch->env.root_dirfd, CLAUDE_FOLDER "/current", target,
			       sizeof(target) - 1) > 0);
	assert_string_equal(target, expected);
}

static void make(struct scratch *scratch)
{
	assert_ok(scratch, scratch_apply_machine(scratch, step));
	assert_int_equal(check(scratch), STEP_FINE);
	assert_file(scratch, PROGRAM, TEXT);
	assert_int_equal(scratch_mode(scratch, PROGRAM), 0555);
	assert_current(scratch, "versions/2.1.0");
}

static void it_is_downloaded_once(void **state)
{
	struct scratch *scratch = setup(state, TEXT);
	DV_AUTO_FREE char *before = NULL;
	DV_AUTO_FREE char *after = NULL;

	assert_int_equal(check(scratch), STEP_DIFFERS);
	assert_string_equal(what, "download claude 2.1.0");
	make(scratch);
	assert_int_equal(scratch_mode(scratch, FOLDER), 0755);

	/* Neither the check nor another apply asks for it again. */
	assert_int_equal(unlinkat(scratch->env.root_dirfd, "srv/2.1.0/claude-2.1.0", 0), 0);
	before = scratch_dump_tree(scratch);
	assert_int_equal(check(scratch), STEP_FINE);
	assert_ok(scratch, scratch_apply_machine(scratch, step));
	after = scratch_dump_tree(scratch);
	assert_string_equal(after, before);
}

static void what_is_not_as_pinned_leaves_nothing(void **state)
{
	static const char *const served[] = { "", "#!/bin/sh\n", TEXT "rm -rf ~\n" };
	struct scratch *scratch = *state;

	for (size_t i = 0; i < DV_COUNT(served); i++) {
		DV_AUTO_FREE char *dump = NULL;

		(void)setup(state, served[i]);
		assert_int_equal(scratch_apply_machine(scratch, step), -EBADMSG);
		assert_contains(scratch->err.text, "its sha256 is ");
		assert_contains(scratch->err.text, "pinned is ");
		dump = scratch_dump_tree(scratch);
		assert_null(strstr(dump, "/claude 100"));
		assert_null(strstr(dump, FILE_TEMPORARY_PREFIX));
		assert_null(strstr(dump, "current"));
		assert_int_equal(check(scratch), STEP_DIFFERS);
	}
}

static void a_failed_download_keeps_the_version_before(void **state)
{
	struct scratch *scratch = setup(state, TEXT);

	make(scratch);
	scratch_set(&scratch->config.claude_version, "2.2.0");
	assert_int_equal(scratch_apply_machine(scratch, step), -ENOENT);
	assert_current(scratch, "versions/2.1.0");
	assert_file(scratch, PROGRAM, TEXT);

	scratch_write(scratch, "srv/2.2.0/claude-2.2.0", TEXT, 0644);
	assert_ok(scratch, scratch_apply_machine(scratch, step));
	assert_current(scratch, "versions/2.2.0");
	assert_file(scratch, PROGRAM, TEXT); /* homes hold links to it */

	scratch_set(&scratch->config.claude_version, "2.1.0");
	assert_int_equal(check(scratch), STEP_DIFFERS);
	assert_string_equal(what, "make current claude 2.1.0");
	make(scratch);
}

/* `with` in place of what is there, with a mode of its own. */
static void spoil(struct scratch *scratch, const char *with, mode_t mode)
{
	assert_int_equal(unlinkat(scratch->env.root_dirfd, PROGRAM, 0), 0);
	scratch_write(scratch, PROGRAM, with, mode);
}

static void what_was_changed_is_downloaded_again(void **state)
{
	struct scratch *scratch = setup(state, TEXT);

	make(scratch);
	spoil(scratch, "#!/bin/sh\necho 6.6.6\n", 0555); /* of the same size */
	assert_int_equal(check(scratch), STEP_DIFFERS);
	assert_string_equal(what, "check the digest of claude 2.1.0");
	make(scratch);

	spoil(scratch, TEXT, 0755);
	assert_int_equal(check(scratch), STEP_DIFFERS);
	assert_string_equal(what, "download claude 2.1.0");
	make(scratch);

	assert_int_equal(unlinkat(scratch->env.root_dirfd, PROGRAM, 0), 0);
	assert_int_equal(symlinkat("/bin/sh", scratch->env.root_dirfd, PROGRAM), 0);
	assert_int_equal(check(scratch), STEP_DIFFERS);
	make(scratch);
}

static void what_is_good_is_not_downloaded_again(void **state)
{
	struct scratch *scratch = setup(state, TEXT);

	make(scratch);
	assert_int_equal(unlinkat(scratch->env.root_dirfd, "srv/2.1.0/claude-2.1.0", 0), 0);
	spoil(scratch, TEXT, 0555); /* another file with the same bytes */
	assert_int_equal(check(scratch), STEP_DIFFERS);
	make(scratch);

	/* No record, or one that makes no sense. */
	assert_int_equal(unlinkat(scratch->env.root_dirfd, RECORD, 0), 0);
	assert_int_equal(check(scratch), STEP_DIFFERS);
	make(scratch);
	assert_int_equal(unlinkat(scratch->env.root_dirfd, RECORD, 0), 0);
	scratch_write(scratch, RECORD, "x", 0444);
	assert_int_equal(check(scratch), STEP_DIFFERS);
	make(scratch);
}

static void the_record_is_believed_for_a_day(void **state)
{
	struct scratch *scratch = setup(state, TEXT);

	make(scratch);
	scratch->env.fixed_usec += DAY_USEC - 1;
	assert_int_equal(check(scratch), STEP_FINE);
	scratch->env.fixed_usec += 1;
	assert_int_equal(check(scratch), STEP_DIFFERS);
	make(scratch);
	scratch->env.fixed_usec -= 1; /* written in the future */
	assert_int_equal(check(scratch), STEP_DIFFERS);
}

static void leftovers_of_a_killed_download_go(void **state)
{
	struct scratch *scratch = setup(state, TEXT);

	scratch_write(scratch, FOLDER "/" FILE_TEMPORARY_PREFIX "0123", "half", 0600);
	make(scratch);
	assert_false(scratch_has(scratch, FOLDER "/" FILE_TEMPORARY_PREFIX "0123"));
}

static void no_cache_is_no_step(void **state)
{
	struct scratch *scratch = setup(state, TEXT);

	scratch->config.claude_source = CLAUDE_INSTALLER;
	assert_int_equal(check(scratch), STEP_SKIPPED);
	scratch->config.claude_source = CLAUDE_NONE;
	assert_int_equal(check(scratch), STEP_SKIPPED);
}

#define SCRATCH_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(it_is_downloaded_once),
		SCRATCH_TEST(what_is_not_as_pinned_leaves_nothing),
		SCRATCH_TEST(a_failed_download_keeps_the_version_before),
		SCRATCH_TEST(what_was_changed_is_downloaded_again),
		SCRATCH_TEST(what_is_good_is_not_downloaded_again),
		SCRATCH_TEST(the_record_is_believed_for_a_day),
		SCRATCH_TEST(leftovers_of_a_killed_download_go),
		SCRATCH_TEST(no_cache_is_no_step),
	};

	return cmocka_run_group_tests_name("claude cache", tests, NULL, NULL);
}
