/* test_code.c - ~/code and its clones, with a real git over file://: what is missing comes,
 * what is there is not touched, and what was cut off is not taken for a whole clone. */
#include "scratch.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/process.h"

#define GIT_DEADLINE_MS 60000

/* Nothing of whoever runs the tests may reach git. */
static int forget_callers_git(void **state DV_UNUSED)
{
	static const char *const names[] = { "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE",
					     "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR" };

	for (size_t i = 0; i < DV_COUNT(names); i++)
		(void)unsetenv(names[i]);
	return setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1) | setenv("GIT_CONFIG_NOSYSTEM", "1", 1) |
	       setenv("LC_ALL", "C", 1);
}

static void run_git(struct scratch *scratch, const char *const *argv)
{
	assert_ok(scratch, process_run_ok(&(struct process_spec){ .argv = argv,
								  .working_folder = scratch->folder,
								  .deadline_ms = clock_deadline_ms(
									  GIT_DEADLINE_MS) },
					  &scratch->err));
}

/* remotes/NAME.git with a file README that says its name. */
static void make_remote(struct scratch *scratch, const char *name)
{
	DV_AUTO_FREE char *source = NULL;
	DV_AUTO_FREE char *readme = NULL;
	DV_AUTO_FREE char *bare = NULL;

	assert_true(asprintf(&source, "sources/%s", name) > 0);
	assert_true(asprintf(&readme, "%s/README", source) > 0);
	assert_true(asprintf(&bare, "remotes/%s.git", name) > 0);
	scratch_write(scratch, readme, name, 0644);
	run_git(scratch, (const char *const[]){ "git", "init", "--quiet", source, NULL });
	run_git(scratch, (const char *const[]){ "git", "-C", source, "add", "README", NULL });
	run_git(scratch,
		(const char *const[]){ "git", "-C", source, "-c", "user.name=x", "-c",
				       "user.email=x@x", "commit", "--quiet", "-m", "one", NULL });
	run_git(scratch,
		(const char *const[]){ "git", "clone", "--quiet", "--bare", source, bare, NULL });
}

/* A home whose roster line names `repos`, NULL-terminated. */
static struct home_work make_work(struct scratch *scratch, const char *const *repos)
{
	struct home_work work = scratch_make_home(scratch);

	work.layout = CODE_WORKSPACE;
	assert_true(asprintf(&work.code_remote, "file://%s/remotes/{repo}.git", scratch->folder) >
		    0);
	for (; *repos; repos++)
		assert_int_equal(str_list_add(&work.repos, *repos), 0);
	return work;
}

static int check(struct scratch *scratch, struct home_work *work,
		 char ret_what[static STEP_WHAT_BYTES])
{
	return scratch_check_home(scratch, step_find("code"), work, ret_what);
}

static int apply(struct scratch *scratch, struct home_work *work)
{
	return scratch_apply_home(scratch, step_find("code"), work);
}

static const char *const NOTES[] = { "notes", NULL };
static const char *const NOTES_AND_BOOK[] = { "notes", "book", NULL };

static void a_single_tree_is_a_folder(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = scratch_make_home(scratch);
	char what[STEP_WHAT_BYTES];

	assert_int_equal(check(scratch, &work, what), STEP_DIFFERS);
	assert_string_equal(what, "create ~/code");
	assert_ok(scratch, apply(scratch, &work));
	assert_int_equal(scratch_mode(scratch, "home/emo/code"), 0755);
	assert_int_equal(check(scratch, &work, what), STEP_FINE);
}

static void repositories_are_cloned(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = make_work(scratch, NOTES_AND_BOOK);
	char what[STEP_WHAT_BYTES];

	make_remote(scratch, "notes");
	make_remote(scratch, "book");
	scratch_make_folder(scratch, "home/emo/code", 0755);
	assert_int_equal(check(scratch, &work, what), STEP_DIFFERS);
	assert_string_equal(what, "clone notes");
	assert_ok(scratch, apply(scratch, &work));
	assert_file(scratch, "home/emo/code/notes/README", "notes");
	assert_file(scratch, "home/emo/code/book/README", "book");
	assert_false(scratch_has(scratch, "home/emo/code/.cloning-notes"));
	assert_int_equal(check(scratch, &work, what), STEP_FINE);
}

static void what_is_there_is_not_touched(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = make_work(scratch, NOTES);
	DV_AUTO_FREE char *before = NULL;
	DV_AUTO_FREE char *after = NULL;
	char what[STEP_WHAT_BYTES];

	make_remote(scratch, "notes");
	scratch_write(scratch, "home/emo/code/notes/mine", "not even a clone\n", 0600);
	before = scratch_dump_tree(scratch);
	assert_int_equal(check(scratch, &work, what), STEP_FINE);
	assert_ok(scratch, apply(scratch, &work));
	after = scratch_dump_tree(scratch);
	assert_string_equal(after, before);
}

/* A link counts, also while it leads nowhere: a disk that is not mounted. */
static void a_link_of_theirs_is_not_touched(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = make_work(scratch, NOTES);
	char what[STEP_WHAT_BYTES];

	make_remote(scratch, "notes");
	scratch_make_folder(scratch, "home/emo/code", 0755);
	assert_int_equal(symlinkat("/nowhere/notes", scratch->env.root_dirfd,
				   "home/emo/code/notes"),
			 0);
	assert_int_equal(check(scratch, &work, what), STEP_FINE);
	assert_ok(scratch, apply(scratch, &work));
	assert_false(scratch_has(scratch, "home/emo/code/notes/README"));
}

static void a_clone_that_was_cut_off_begins_anew(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = make_work(scratch, NOTES);
	char what[STEP_WHAT_BYTES];

	make_remote(scratch, "notes");
	scratch_write(scratch, "home/emo/code/.cloning-notes/.git/objects/half", "x", 0444);
	scratch_write(scratch, "home/emo/code/.cloning-notes/junk", "x", 0644);
	assert_int_equal(check(scratch, &work, what), STEP_DIFFERS);
	assert_ok(scratch, apply(scratch, &work));
	assert_file(scratch, "home/emo/code/notes/README", "notes");
	assert_false(scratch_has(scratch, "home/emo/code/notes/junk"));
	assert_false(scratch_has(scratch, "home/emo/code/.cloning-notes"));
}

static void a_remote_that_is_not_there_is_named(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = make_work(scratch, NOTES);
	DV_AUTO_FREE char *expected = NULL;

	assert_true(asprintf(&expected,
			     "clone notes: git exited with status 128: fatal: "
			     "'%s/remotes/notes.git' does not appear to be a git repository",
			     scratch->folder) > 0);
	assert_int_equal(apply(scratch, &work), -EIO);
	assert_string_equal(scratch->err.text, expected);
	assert_false(scratch_has(scratch, "home/emo/code/notes"));
}

static void one_that_cannot_be_cloned_does_not_stop_the_others(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = make_work(scratch, NOTES_AND_BOOK);

	make_remote(scratch, "book");
	assert_int_equal(apply(scratch, &work), -EIO);
	assert_contains(scratch->err.text, "clone notes: ");
	assert_file(scratch, "home/emo/code/book/README", "book");
}

static void a_machine_without_a_remote_says_what_to_set(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = make_work(scratch, NOTES);

	free(DV_TAKE_PTR(work.code_remote));
	assert_int_equal(apply(scratch, &work), -EINVAL);
	assert_string_equal(scratch->err.text,
			    "the roster names repositories, but code.remote is not set in "
			    "/etc/devvm/devvm.yaml");
	assert_true(scratch_has(scratch, "home/emo/code"));
}

static void a_file_in_its_place_stays_and_is_named(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = scratch_make_home(scratch);
	char what[STEP_WHAT_BYTES];

	scratch_write(scratch, "home/emo/code", "mine\n", 0644);
	assert_int_equal(check(scratch, &work, what), -ENOTDIR);
	assert_string_equal(scratch->err.text, "~/code is not a folder: move it away");
	assert_file(scratch, "home/emo/code", "mine\n");
}

static void a_link_to_a_folder_is_one(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = make_work(scratch, NOTES);
	char what[STEP_WHAT_BYTES];

	make_remote(scratch, "notes");
	scratch_make_folder(scratch, "disk/code", 0755);
	assert_int_equal(symlinkat("../../disk/code", scratch->env.root_dirfd, "home/emo/code"), 0);
	assert_ok(scratch, apply(scratch, &work));
	assert_file(scratch, "disk/code/notes/README", "notes");
	assert_int_equal(check(scratch, &work, what), STEP_FINE);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_single_tree_is_a_folder),
		TEST(repositories_are_cloned),
		TEST(what_is_there_is_not_touched),
		TEST(a_link_of_theirs_is_not_touched),
		TEST(a_clone_that_was_cut_off_begins_anew),
		TEST(a_remote_that_is_not_there_is_named),
		TEST(one_that_cannot_be_cloned_does_not_stop_the_others),
		TEST(a_machine_without_a_remote_says_what_to_set),
		TEST(a_file_in_its_place_stays_and_is_named),
		TEST(a_link_to_a_folder_is_one),
	};

	return cmocka_run_group_tests_name("code", tests, forget_callers_git, NULL);
}
