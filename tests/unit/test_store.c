/* test_store.c - versions are there complete or not at all; pointers move by one rename. */
#include "scratch.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "store/store.h"
#include "store/tree.h"

static int teardown(void **state)
{
	struct scratch *scratch = *state;

	/* Its folders are read-only. */
	DV_IGNORE(tree_remove(scratch->env.root_dirfd, "opt", NULL));
	return scratch_teardown(state);
}

static int install(struct scratch *scratch, const char *version)
{
	DV_AUTO_CLOSE int fd =
		openat(scratch->env.root_dirfd, "stage", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return store_install(&scratch->env, "t3", version, fd, &scratch->err);
}

static void names_of_versions(void **state DV_UNUSED)
{
	static const char *const good[] = { "0.0.24", "0.0.28-nightly.20260616.571", "1.0.0+x",
					    "nightly" };
	static const char *const bad[] = { "",	     ".",	 "..",	"../x",	 "a/b",
					   ".new-1", "-rf",	 "1 2", "1\n2",	 "1@2",
					   "v~1",    "\xc3\xa4", "1;2", "$(id)", "*" };
	char longest[STORE_VERSION_MAX + 2];

	for (size_t i = 0; i < DV_COUNT(good); i++)
		assert_true(store_is_version(good[i]));
	for (size_t i = 0; i < DV_COUNT(bad); i++)
		assert_false(store_is_version(bad[i]));
	memset(longest, '1', sizeof(longest));
	longest[STORE_VERSION_MAX] = '\0';
	assert_true(store_is_version(longest));
	longest[STORE_VERSION_MAX] = '1';
	longest[STORE_VERSION_MAX + 1] = '\0';
	assert_false(store_is_version(longest));
}

static void a_version_is_taken_over_read_only(void **state)
{
	struct scratch *scratch = *state;

	scratch_write(scratch, "stage/node_modules/t3/cli.js", "code", 0755);
	scratch_write(scratch, "stage/package.json", "{}", 0600);
	assert_ok(scratch, install(scratch, "1.0.0"));
	assert_file(scratch, "opt/devvm/t3/versions/1.0.0/node_modules/t3/cli.js", "code");
	assert_int_equal(scratch_mode(scratch, "opt/devvm/t3/versions/1.0.0"), 0555);
	assert_int_equal(scratch_mode(scratch, "opt/devvm/t3/versions/1.0.0/package.json"), 0444);
	assert_int_equal(scratch_mode(scratch,
				      "opt/devvm/t3/versions/1.0.0/node_modules/t3/cli.js"),
			 0555);
	assert_true(store_has(&scratch->env, "t3", "1.0.0"));
	assert_false(store_has(&scratch->env, "t3", "1.0.1"));
	assert_false(store_has(&scratch->env, "playwright", "1.0.0"));
}

static void one_that_is_there_stays_as_it_is(void **state)
{
	struct scratch *scratch = *state;

	scratch_write(scratch, "stage/a", "first", 0644);
	assert_ok(scratch, install(scratch, "1.0.0"));
	scratch_write(scratch, "stage/a", "second", 0644);
	assert_ok(scratch, install(scratch, "1.0.0"));
	assert_file(scratch, "opt/devvm/t3/versions/1.0.0/a", "first");
}

static void a_refused_one_leaves_nothing(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_STR_LIST struct str_list versions = { 0 };
	DV_AUTO_FREE char *tree = NULL;

	scratch_write(scratch, "stage/a", "good", 0644);
	assert_int_equal(symlinkat("/etc/shadow", scratch->env.root_dirfd, "stage/b"), 0);
	assert_int_equal(install(scratch, "1.0.0"), -EINVAL);
	assert_string_equal(scratch->err.text, "take t3 1.0.0 over: b is a link that leads out");
	assert_ok(scratch, store_list(&scratch->env, "t3", &versions, &scratch->err));
	assert_int_equal(versions.n_items, 0);
	tree = scratch_dump_tree(scratch);
	assert_null(strstr(tree, ".new-"));
}

static void what_a_killed_run_left_is_swept(void **state)
{
	struct scratch *scratch = *state;

	scratch_write(scratch, "opt/devvm/t3/versions/.new-0123456789abcdef/sub/a", "half", 0444);
	scratch_make_folder(scratch, "opt/devvm/t3/versions/.new-0123456789abcdef/sub", 0555);
	scratch_write(scratch, "stage/a", "whole", 0644);
	assert_ok(scratch, install(scratch, "1.0.0"));
	assert_false(scratch_has(scratch, "opt/devvm/t3/versions/.new-0123456789abcdef"));
	assert_file(scratch, "opt/devvm/t3/versions/1.0.0/a", "whole");
}

static void only_complete_versions_are_listed(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_STR_LIST struct str_list versions = { 0 };
	DV_AUTO_FREE char *text = NULL;

	assert_ok(scratch, store_list(&scratch->env, "t3", &versions, &scratch->err));
	assert_int_equal(versions.n_items, 0);
	scratch_make_folder(scratch, "opt/devvm/t3/versions/2.0.0", 0755);
	scratch_make_folder(scratch, "opt/devvm/t3/versions/1.0.0", 0755);
	scratch_make_folder(scratch, "opt/devvm/t3/versions/.new-1", 0755);
	scratch_write(scratch, "opt/devvm/t3/versions/3.0.0", "a file", 0644);
	assert_ok(scratch, store_list(&scratch->env, "t3", &versions, &scratch->err));
	text = str_list_join(&versions, " ");
	assert_string_equal(text, "1.0.0 2.0.0");
}

static void assert_pointer(struct scratch *scratch, const char *user, const char *expected)
{
	char version[STORE_VERSION_BYTES];

	assert_ok(scratch, store_get_pointer(&scratch->env, "t3", user, version, &scratch->err));
	assert_string_equal(version, expected);
}

static void pointers_name_a_version(void **state)
{
	struct scratch *scratch = *state;
	char target[64] = "";

	scratch_make_folder(scratch, "opt/devvm/t3/versions/1.0.0", 0755);
	scratch_make_folder(scratch, "opt/devvm/t3/versions/2.0.0", 0755);
	assert_pointer(scratch, NULL, "");
	assert_pointer(scratch, "emo", "");
	assert_ok(scratch, store_set_pointer(&scratch->env, "t3", NULL, "1.0.0", &scratch->err));
	assert_ok(scratch, store_set_pointer(&scratch->env, "t3", "emo", "1.0.0", &scratch->err));
	assert_ok(scratch, store_set_pointer(&scratch->env, "t3", NULL, "2.0.0", &scratch->err));
	assert_pointer(scratch, NULL, "2.0.0");
	assert_pointer(scratch, "emo", "1.0.0");
	assert_int_equal(readlinkat(scratch->env.root_dirfd, "opt/devvm/t3/people/emo", target,
				    sizeof(target) - 1),
			 strlen("../versions/1.0.0"));
	assert_string_equal(target, "../versions/1.0.0");
	assert_int_equal(faccessat(scratch->env.root_dirfd, "opt/devvm/t3/people/emo", F_OK, 0), 0);
}

static void a_pointer_to_nowhere_is_not_made(void **state)
{
	struct scratch *scratch = *state;

	assert_int_equal(store_set_pointer(&scratch->env, "t3", NULL, "1.0.0", &scratch->err),
			 -ENOENT);
	assert_false(scratch_has(scratch, "opt/devvm/t3/current"));
}

static void a_strange_pointer_is_refused(void **state)
{
	struct scratch *scratch = *state;
	char version[STORE_VERSION_BYTES];

	scratch_make_folder(scratch, "opt/devvm/t3/people", 0755);
	assert_int_equal(symlinkat("../../../etc", scratch->env.root_dirfd,
				   "opt/devvm/t3/people/emo"),
			 0);
	assert_int_equal(store_get_pointer(&scratch->env, "t3", "emo", version, &scratch->err),
			 -EINVAL);
	assert_string_equal(scratch->err.text, "/opt/devvm/t3/people/emo is no link to "
					       "../versions/VERSION; remove it");
	scratch_write(scratch, "opt/devvm/t3/current", "1.0.0", 0644);
	assert_int_equal(store_get_pointer(&scratch->env, "t3", NULL, version, &scratch->err),
			 -EINVAL);
}

static void a_version_is_removed_whole(void **state)
{
	struct scratch *scratch = *state;

	scratch_write(scratch, "stage/a/b", "x", 0644);
	assert_ok(scratch, install(scratch, "1.0.0"));
	assert_ok(scratch, install(scratch, "2.0.0"));
	assert_ok(scratch, store_remove(&scratch->env, "t3", "1.0.0", &scratch->err));
	assert_false(scratch_has(scratch, "opt/devvm/t3/versions/1.0.0"));
	assert_true(store_has(&scratch->env, "t3", "2.0.0"));
	assert_int_equal(store_remove(&scratch->env, "t3", "1.0.0", &scratch->err), -ENOENT);
	assert_int_equal(store_remove(&scratch->env, "t3", "..", &scratch->err), -EINVAL);
}

static void people_with_a_pointer_are_listed(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_STR_LIST struct str_list users = { 0 };
	DV_AUTO_FREE char *names = NULL;

	assert_ok(scratch, store_list_people(&scratch->env, "t3", &users, &scratch->err));
	assert_int_equal(users.n_items, 0);
	scratch_write(scratch, "stage/a", "x", 0644);
	assert_ok(scratch, install(scratch, "1.0.0"));
	assert_ok(scratch, store_set_pointer(&scratch->env, "t3", "ben", "1.0.0", &scratch->err));
	assert_ok(scratch, store_set_pointer(&scratch->env, "t3", "anna", "1.0.0", &scratch->err));
	scratch_write(scratch, "opt/devvm/t3/people/file", "x", 0644);
	scratch_write(scratch, "opt/devvm/t3/people/.devvm-x", "x", 0644);
	assert_ok(scratch, store_list_people(&scratch->env, "t3", &users, &scratch->err));
	names = str_list_join(&users, " ");
	assert_string_equal(names, "anna ben");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_versions),
#define AT(test) cmocka_unit_test_setup_teardown(test, scratch_setup, teardown)
		AT(a_version_is_removed_whole),	       AT(people_with_a_pointer_are_listed),
		AT(a_version_is_taken_over_read_only), AT(one_that_is_there_stays_as_it_is),
		AT(a_refused_one_leaves_nothing),      AT(what_a_killed_run_left_is_swept),
		AT(only_complete_versions_are_listed), AT(pointers_name_a_version),
		AT(a_pointer_to_nowhere_is_not_made),  AT(a_strange_pointer_is_refused),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
