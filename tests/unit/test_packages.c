/* test_packages.c - which packages are missing, from what dpkg-query says. */
#include "base/packages.h"

#include "scratch.h"

static void assert_missing(const char *names, const char *output, const char *expected)
{
	DV_AUTO_STR_LIST struct str_list wanted = { 0 };
	DV_AUTO_STR_LIST struct str_list missing = { 0 };
	DV_AUTO_FREE char *joined = NULL;

	assert_int_equal(str_list_add_lines(&wanted, names), 0);
	assert_int_equal(packages_find_missing(&wanted, output, &missing), 0);
	joined = str_list_join(&missing, " ");
	assert_string_equal(joined, expected);
}

static void what_is_not_installed_is_missing(void **state DV_UNUSED)
{
	assert_missing("zsh\njq", "installed zsh\ninstalled jq\n", "");
	assert_missing("zsh\njq", "installed zsh\ndpkg-query: no packages found matching jq\n",
		       "jq");
	assert_missing("zsh\njq", "", "zsh jq");
	/* Removed with its configuration left, half-done, and a name that only begins so. */
	assert_missing("zsh", "config-files zsh\n", "zsh");
	assert_missing("zsh", "half-configured zsh\n", "zsh");
	assert_missing("zsh", "installed zsh-common\n", "zsh");
	assert_missing("common", "installed zsh-common\n", "common");
	assert_missing("", "installed zsh\n", "");
}

static void the_query_names_them_behind_the_options(void **state DV_UNUSED)
{
	DV_AUTO_STR_LIST struct str_list wanted = { 0 };
	DV_AUTO_FREE const char **argv = NULL;

	assert_int_equal(str_list_add_lines(&wanted, "zsh\njq"), 0);
	argv = packages_query(&wanted);
	assert_string_equal(argv[0], "dpkg-query");
	assert_string_equal(argv[3], "--");
	assert_string_equal(argv[4], "zsh");
	assert_string_equal(argv[5], "jq");
	assert_null(argv[6]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_installed_is_missing),
		cmocka_unit_test(the_query_names_them_behind_the_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
