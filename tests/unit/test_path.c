/* test_path.c - ~/.local/bin is there afterwards, and what was there is left alone. */
#include "scratch.h"

#include <fcntl.h>

static int check(struct scratch *scratch, struct home_work *work,
		 char ret_what[static STEP_WHAT_BYTES])
{
	return scratch_check_home(scratch, step_find("path"), work, ret_what);
}

static int apply(struct scratch *scratch, struct home_work *work)
{
	return scratch_apply_home(scratch, step_find("path"), work);
}

static void it_is_made_where_it_is_missing(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = scratch_make_home(scratch);
	char what[STEP_WHAT_BYTES];

	assert_int_equal(check(scratch, &work, what), STEP_DIFFERS);
	assert_string_equal(what, "create ~/.local/bin");
	assert_false(scratch_has(scratch, "home/emo/.local"));
	assert_ok(scratch, apply(scratch, &work));
	assert_int_equal(scratch_mode(scratch, "home/emo/.local/bin"), 0755);
	assert_int_equal(check(scratch, &work, what), STEP_FINE);
}

static void what_is_there_keeps_its_mode_and_content(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = scratch_make_home(scratch);
	DV_AUTO_FREE char *before = NULL;
	DV_AUTO_FREE char *after = NULL;
	char what[STEP_WHAT_BYTES];

	scratch_write(scratch, "home/emo/.local/bin/claude", "#!/bin/sh\n", 0750);
	scratch_make_folder(scratch, "home/emo/.local/bin", 0700);
	scratch_make_folder(scratch, "home/emo/.local", 0711);
	before = scratch_dump_tree(scratch);
	assert_int_equal(check(scratch, &work, what), STEP_FINE);
	assert_ok(scratch, apply(scratch, &work));
	after = scratch_dump_tree(scratch);
	assert_string_equal(after, before);
}

static void a_link_to_a_folder_is_one(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = scratch_make_home(scratch);
	char what[STEP_WHAT_BYTES];

	scratch_make_folder(scratch, "home/emo/dotfiles/local/bin", 0755);
	assert_int_equal(symlinkat("dotfiles/local", scratch->env.root_dirfd, "home/emo/.local"),
			 0);
	assert_int_equal(check(scratch, &work, what), STEP_FINE);
	assert_int_equal(unlinkat(scratch->env.root_dirfd, "home/emo/dotfiles/local/bin",
				  AT_REMOVEDIR),
			 0);
	assert_ok(scratch, apply(scratch, &work));
	assert_true(scratch_has(scratch, "home/emo/dotfiles/local/bin"));
}

static void a_file_in_its_place_stays_and_is_named(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = scratch_make_home(scratch);
	char what[STEP_WHAT_BYTES];

	scratch_write(scratch, "home/emo/.local/bin", "mine\n", 0644);
	assert_int_equal(check(scratch, &work, what), -ENOTDIR);
	assert_string_equal(scratch->err.text, "~/.local/bin is not a folder: move it away");
	assert_file(scratch, "home/emo/.local/bin", "mine\n");
}

static void a_file_in_the_way_is_named(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = scratch_make_home(scratch);
	char what[STEP_WHAT_BYTES];

	scratch_write(scratch, "home/emo/.local", "mine\n", 0644);
	assert_int_equal(check(scratch, &work, what), -ENOTDIR);
	assert_string_equal(scratch->err.text, "look at ~/.local/bin: Not a directory");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_is_made_where_it_is_missing),
		TEST(what_is_there_keeps_its_mode_and_content),
		TEST(a_link_to_a_folder_is_one),
		TEST(a_file_in_its_place_stays_and_is_named),
		TEST(a_file_in_the_way_is_named),
	};

	return cmocka_run_group_tests_name("path", tests, NULL, NULL);
}
