/* test_claude.c - claude in a home: from the machine's copy in each way of sharing, and what
 * stays as it is. The installer has test_claude_installer.c. */
#include "scratch.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "steps/claude_cache.h"

#define CACHED CLAUDE_FOLDER "/versions/2.1.0/claude"
#define HOME "home/emo/"
#define BIN HOME ".local/bin/claude"
#define VERSION HOME ".local/share/claude/versions/2.1.0"
#define TEXT "#!/bin/sh\necho 2.1.0\n"

static const struct step *step;
static char what[STEP_WHAT_BYTES];
static struct home_work work;

static struct scratch *setup(void **state)
{
	struct scratch *scratch = *state;

	step = step_find("claude");
	work = scratch_make_home(scratch);
	scratch->config.claude_source = CLAUDE_CACHE;
	scratch->config.claude_share = CLAUDE_LINK;
	scratch_set(&scratch->config.claude_version, "2.1.0");
	scratch_write(scratch, CACHED, TEXT, 0555);
	return scratch;
}

static int teardown(void **state)
{
	work_done(&work);
	return scratch_teardown(state);
}

static int check(struct scratch *scratch)
{
	return scratch_check_home(scratch, step, &work, what);
}

static int apply(struct scratch *scratch)
{
	return scratch_apply_home(scratch, step, &work);
}

static char *link_of(struct scratch *scratch, const char *path)
{
	static char target[512];
	ssize_t n = readlinkat(scratch->env.root_dirfd, path, target, sizeof(target) - 1);

	target[n > 0 ? n : 0] = '\0';
	return target;
}

static void make_link(struct scratch *scratch, const char *target, const char *path)
{
	(void)unlinkat(scratch->env.root_dirfd, path, 0);
	assert_int_equal(symlinkat(target, scratch->env.root_dirfd, path), 0);
}

/* A link to /opt is not below the scratch: it is made to lead somewhere by hand. */
static void assert_laid_out_by_link(struct scratch *scratch)
{
	DV_AUTO_FREE char *target = NULL;

	assert_true(asprintf(&target, "%s/.local/share/claude/versions/2.1.0", work.home) > 0);
	assert_string_equal(link_of(scratch, BIN), target);
	assert_string_equal(link_of(scratch, VERSION), "/" CACHED);
}

static void a_copy_is_laid_out_as_the_installer_does(void **state)
{
	struct scratch *scratch = setup(state);
	DV_AUTO_FREE char *target = NULL;

	scratch->config.claude_share = CLAUDE_COPY;
	assert_int_equal(check(scratch), STEP_DIFFERS);
	assert_string_equal(what, "install claude 2.1.0");
	assert_ok(scratch, apply(scratch));
	assert_int_equal(check(scratch), STEP_FINE);
	assert_file(scratch, VERSION, TEXT);
	assert_int_equal(scratch_mode(scratch, VERSION), 0755);
	assert_true(asprintf(&target, "%s/.local/share/claude/versions/2.1.0", work.home) > 0);
	assert_string_equal(link_of(scratch, BIN), target);
}

static void no_reflink_is_said_or_a_link(void **state)
{
	struct scratch *scratch = setup(state);

	scratch->config.claude_share = CLAUDE_REFLINK;
	if (apply(scratch) == 0) { /* tests on Btrfs or XFS */
		assert_file(scratch, VERSION, TEXT);
		return;
	}
	assert_contains(scratch->err.text, "the file system cannot");
	assert_false(scratch_has(scratch, VERSION));
	assert_false(scratch_has(scratch, BIN));

	/* The check afterwards would follow the link out of the scratch. */
	scratch->config.claude_share = CLAUDE_AUTO;
	(void)apply(scratch);
	assert_string_equal(link_of(scratch, VERSION), "/" CACHED);
}

static void no_copy_yet_is_said(void **state)
{
	struct scratch *scratch = setup(state);
	DV_AUTO_FREE char *before = NULL;
	DV_AUTO_FREE char *after = NULL;

	scratch_set(&scratch->config.claude_version, "2.2.0");
	before = scratch_dump_tree(scratch);
	assert_int_equal(check(scratch), STEP_DIFFERS);
	assert_int_equal(apply(scratch), -ENOENT);
	assert_string_equal(scratch->err.text, "the machine's copy of claude 2.2.0 is not there "
					       "yet; it is fetched by devvm-machine");
	after = scratch_dump_tree(scratch);
	assert_string_equal(after, before);
}

static void what_runs_is_left_alone(void **state)
{
	struct scratch *scratch = setup(state);

	scratch->config.claude_share = CLAUDE_COPY;
	scratch_write(scratch, BIN, "own", 0700);
	assert_int_equal(check(scratch), STEP_FINE);
	scratch_write(scratch, HOME "elsewhere", "own", 0700);
	make_link(scratch, "../../elsewhere", BIN);
	assert_int_equal(check(scratch), STEP_FINE);
	make_link(scratch, "/bin/sh", BIN);
	assert_int_equal(check(scratch), STEP_FINE);
	assert_ok(scratch, apply(scratch)); /* it came to be between check and apply */
	assert_string_equal(link_of(scratch, BIN), "/bin/sh");
}

static void what_does_not_run_is_said_and_stays(void **state)
{
	static const char *const targets[] = { "/nowhere", "/etc/passwd", "/tmp", "claude",
					       "/dev/null" };
	struct scratch *scratch = setup(state);

	scratch_write(scratch, BIN, "own", 0600);
	for (size_t i = 0; i < DV_COUNT(targets); i++) {
		assert_int_equal(check(scratch), -EEXIST);
		assert_string_equal(scratch->err.text,
				    "~/.local/bin/claude is there and is not a program that can "
				    "be run: move it away");
		assert_int_equal(apply(scratch), -EEXIST);
		make_link(scratch, targets[i], BIN);
	}
	assert_int_equal(check(scratch), -EEXIST);
	assert_int_equal(unlinkat(scratch->env.root_dirfd, BIN, 0), 0);
	assert_int_equal(mkfifoat(scratch->env.root_dirfd, BIN, 0700), 0);
	assert_int_equal(check(scratch), -EEXIST);
	assert_int_equal(apply(scratch), -EEXIST);
	assert_int_equal(unlinkat(scratch->env.root_dirfd, BIN, 0), 0);
	scratch_make_folder(scratch, BIN, 0755);
	assert_int_equal(check(scratch), -EEXIST);
}

static void our_dangling_links_are_mended(void **state)
{
	struct scratch *scratch = setup(state);
	DV_AUTO_FREE char *old = NULL;

	scratch->config.claude_share = CLAUDE_COPY;
	assert_true(asprintf(&old, "%s/.local/share/claude/versions/1.0.0", work.home) > 0);
	scratch_make_folder(scratch, HOME ".local/bin", 0755);
	scratch_make_folder(scratch, HOME ".local/share/claude/versions", 0755);
	make_link(scratch, old, BIN);
	assert_int_equal(check(scratch), STEP_DIFFERS);
	assert_string_equal(what, "mend claude 2.1.0");
	assert_ok(scratch, apply(scratch));
	assert_int_equal(check(scratch), STEP_FINE);

	/* The version's link leads to a copy of the machine's that is gone. */
	make_link(scratch, "/" CLAUDE_FOLDER "/versions/0/claude", VERSION);
	assert_int_equal(check(scratch), STEP_DIFFERS);
	assert_ok(scratch, apply(scratch));
	assert_file(scratch, VERSION, TEXT);
	assert_int_equal(check(scratch), STEP_FINE);

	make_link(scratch, "../share/claude/versions/0", BIN);
	assert_int_equal(check(scratch), STEP_DIFFERS);
	assert_ok(scratch, apply(scratch));
	assert_int_equal(check(scratch), STEP_FINE);
}

static void a_version_of_the_persons_own_is_used(void **state)
{
	struct scratch *scratch = setup(state);

	scratch_write(scratch, VERSION, "own", 0755);
	assert_ok(scratch, apply(scratch));
	assert_file(scratch, VERSION, "own");
	assert_int_equal(check(scratch), STEP_FINE);

	assert_int_equal(unlinkat(scratch->env.root_dirfd, BIN, 0), 0);
	scratch_write(scratch, VERSION, "own", 0600);
	assert_int_equal(apply(scratch), -EEXIST);
	assert_contains(scratch->err.text, "versions/2.1.0 is there and is not a program");
	assert_file(scratch, VERSION, "own");
	assert_false(scratch_has(scratch, BIN));
}

static void odd_folders_fail_with_a_sentence(void **state)
{
	static const char *const odd[] = { HOME ".local", HOME ".local/share",
					   HOME ".local/share/claude",
					   HOME ".local/share/claude/versions" };
	struct scratch *scratch = setup(state);

	for (size_t i = 0; i < DV_COUNT(odd); i++) {
		DV_AUTO_FREE char *before = NULL;
		DV_AUTO_FREE char *after = NULL;

		if (i > 1)
			scratch_make_folder(scratch, odd[i - 1], 0755);
		else if (i == 1)
			scratch_make_folder(scratch, HOME ".local", 0755);
		make_link(scratch, "/etc/hostname", odd[i]);
		before = scratch_dump_tree(scratch);
		assert_int_equal(apply(scratch), -ENOTDIR);
		assert_contains(scratch->err.text, "in the home: create .local");
		after = scratch_dump_tree(scratch);
		assert_string_equal(after, before);
		assert_int_equal(unlinkat(scratch->env.root_dirfd, odd[i], 0), 0);
		assert_int_equal(mkfifoat(scratch->env.root_dirfd, odd[i], 0600), 0);
		assert_int_equal(apply(scratch), -ENOTDIR);
		assert_int_equal(unlinkat(scratch->env.root_dirfd, odd[i], 0), 0);
	}
}

static void leftovers_of_a_killed_copy_go(void **state)
{
	struct scratch *scratch = setup(state);

	scratch->config.claude_share = CLAUDE_COPY;
	scratch_write(scratch, HOME ".local/share/claude/versions/.devvm-0123", "half", 0600);
	assert_ok(scratch, apply(scratch));
	assert_false(scratch_has(scratch, HOME ".local/share/claude/versions/.devvm-0123"));
}

static void nothing_is_asked_for_where_there_is_no_source(void **state)
{
	struct scratch *scratch = setup(state);

	scratch->config.claude_source = CLAUDE_NONE;
	assert_int_equal(check(scratch), STEP_SKIPPED);
}

static void links_are_ours_as_laid_out(void **state)
{
	struct scratch *scratch = setup(state);

	/* The link leads out of the scratch: laid out, and then said to lead nowhere. */
	assert_int_equal(apply(scratch), -EEXIST);
	assert_string_equal(link_of(scratch, VERSION), "/" CACHED);
	scratch->config.claude_share = CLAUDE_COPY;
	assert_ok(scratch, apply(scratch)); /* mended */
	scratch->config.claude_share = CLAUDE_LINK;
	(void)unlinkat(scratch->env.root_dirfd, VERSION, 0);
	make_link(scratch, "/" CACHED, VERSION);
	assert_laid_out_by_link(scratch);
}

#define CLAUDE_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAUDE_TEST(a_copy_is_laid_out_as_the_installer_does),
		CLAUDE_TEST(no_reflink_is_said_or_a_link),
		CLAUDE_TEST(no_copy_yet_is_said),
		CLAUDE_TEST(what_runs_is_left_alone),
		CLAUDE_TEST(what_does_not_run_is_said_and_stays),
		CLAUDE_TEST(our_dangling_links_are_mended),
		CLAUDE_TEST(a_version_of_the_persons_own_is_used),
		CLAUDE_TEST(odd_folders_fail_with_a_sentence),
		CLAUDE_TEST(leftovers_of_a_killed_copy_go),
		CLAUDE_TEST(nothing_is_asked_for_where_there_is_no_source),
		CLAUDE_TEST(links_are_ours_as_laid_out),
	};

	return cmocka_run_group_tests_name("claude", tests, NULL, NULL);
}
