/* test_launcher.c - ~/start-claude.sh: made, renewed while it is ours, and otherwise left. */
#include "scratch.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "steps/launcher.h"

#define LAUNCHER "home/emo/start-claude.sh"
#define TRAILER "# devvm launcher, sha256 of the lines above: "
#define FIRST "#!/bin/bash\necho 1\n"

static const struct step *step;
static char what[STEP_WHAT_BYTES];
static struct home_work work;

static struct scratch *setup(void **state)
{
	struct scratch *scratch = *state;

	step = step_find("launcher");
	work = scratch_make_home(scratch);
	scratch_write(scratch, LAUNCHER_TEMPLATE, FIRST, 0644);
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

static void it_is_made_with_a_trailer_that_is_true(void **state)
{
	struct scratch *scratch = setup(state);
	DV_AUTO_FREE char *expected = NULL;
	char hex[DIGEST_HEX_BYTES];

	assert_int_equal(check(scratch), STEP_DIFFERS);
	assert_string_equal(what, "create ~/start-claude.sh");
	assert_ok(scratch, apply(scratch));
	assert_int_equal(check(scratch), STEP_FINE);
	scratch_digest(FIRST, hex);
	assert_true(asprintf(&expected, FIRST TRAILER "%s\n", hex) > 0);
	assert_file(scratch, LAUNCHER, expected);
	assert_int_equal(scratch_mode(scratch, LAUNCHER), 0755);
}

static void ours_is_renewed(void **state)
{
	struct scratch *scratch = setup(state);
	DV_AUTO_FREE char *text = NULL;

	assert_ok(scratch, apply(scratch));
	scratch_write(scratch, LAUNCHER_TEMPLATE, "#!/bin/bash\necho 2\n", 0644);
	assert_int_equal(check(scratch), STEP_DIFFERS);
	assert_string_equal(what, "renew ~/start-claude.sh");
	assert_ok(scratch, apply(scratch));
	assert_int_equal(check(scratch), STEP_FINE);
	text = scratch_read(scratch, LAUNCHER);
	assert_contains(text, "echo 2\n" TRAILER);
}

static void assert_stays(struct scratch *scratch)
{
	DV_AUTO_FREE char *before = scratch_dump_tree(scratch);
	DV_AUTO_FREE char *after = NULL;

	assert_int_equal(check(scratch), STEP_FINE);
	assert_ok(scratch, apply(scratch));
	after = scratch_dump_tree(scratch);
	assert_string_equal(after, before);
}

static void what_the_person_changed_stays(void **state)
{
	struct scratch *scratch = setup(state);
	DV_AUTO_FREE char *ours = NULL;

	assert_ok(scratch, apply(scratch));
	ours = scratch_read(scratch, LAUNCHER);
	scratch_write(scratch, LAUNCHER_TEMPLATE, "#!/bin/bash\necho 2\n", 0644);
	/* Any one byte of it, the trailer's own included. */
	for (size_t i = 0; ours[i]; i++) {
		char byte = ours[i];

		ours[i] = byte == 'x' ? 'y' : 'x';
		scratch_write(scratch, LAUNCHER, ours, 0755);
		assert_int_equal(check(scratch), STEP_FINE);
		ours[i] = byte;
	}
	ours[strlen(ours) - 1] = '\0';
	scratch_write(scratch, LAUNCHER, ours, 0755);
	assert_stays(scratch);
	scratch_write(scratch, LAUNCHER, "", 0755);
	assert_stays(scratch);
	scratch_write(scratch, LAUNCHER, "claude --continue\n", 0600);
	assert_stays(scratch);
}

static void what_is_no_plain_file_stays(void **state)
{
	struct scratch *scratch = setup(state);

	assert_int_equal(symlinkat("/etc/shadow", scratch->env.root_dirfd, LAUNCHER), 0);
	assert_stays(scratch);
	assert_int_equal(unlinkat(scratch->env.root_dirfd, LAUNCHER, 0), 0);
	assert_int_equal(symlinkat("nowhere", scratch->env.root_dirfd, LAUNCHER), 0);
	assert_stays(scratch);
	assert_int_equal(unlinkat(scratch->env.root_dirfd, LAUNCHER, 0), 0);
	assert_int_equal(mkfifoat(scratch->env.root_dirfd, LAUNCHER, 0600), 0);
	assert_stays(scratch);
	assert_int_equal(unlinkat(scratch->env.root_dirfd, LAUNCHER, 0), 0);
	scratch_make_folder(scratch, LAUNCHER, 0755);
	assert_stays(scratch);
}

static void no_template_is_said(void **state)
{
	struct scratch *scratch = setup(state);

	assert_int_equal(unlinkat(scratch->env.root_dirfd, LAUNCHER_TEMPLATE, 0), 0);
	assert_int_equal(check(scratch), -ENOENT);
	assert_contains(scratch->err.text, "is devvm installed?");
	scratch_write(scratch, LAUNCHER_TEMPLATE, "no line break", 0644);
	assert_int_equal(check(scratch), -EINVAL);
}

#define LAUNCHER_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAUNCHER_TEST(it_is_made_with_a_trailer_that_is_true),
		LAUNCHER_TEST(ours_is_renewed),
		LAUNCHER_TEST(what_the_person_changed_stays),
		LAUNCHER_TEST(what_is_no_plain_file_stays),
		LAUNCHER_TEST(no_template_is_said),
	};

	return cmocka_run_group_tests_name("launcher", tests, NULL, NULL);
}
