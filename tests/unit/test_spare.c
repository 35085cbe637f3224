/* test_spare.c - which versions are spare: never one that is needed, nor one of the newest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "update/spare.h"

static char *spare(const char *versions, const char *needed, unsigned int n_newest)
{
	DV_AUTO_STR_LIST struct str_list all = { 0 };
	DV_AUTO_STR_LIST struct str_list kept = { 0 };
	DV_AUTO_STR_LIST struct str_list list = { 0 };

	assert_int_equal(str_list_add_lines(&all, versions), 0);
	assert_int_equal(str_list_add_lines(&kept, needed), 0);
	assert_int_equal(spare_list(&all, &kept, n_newest, &list), 0);
	return str_list_join(&list, " ");
}

#define ALL "0.0.10\n0.0.11-nightly.1.1\n0.0.9\nby-hand\n"

static void assert_spare(const char *needed, unsigned int n_newest, const char *expected)
{
	DV_AUTO_FREE char *is = spare(ALL, needed, n_newest);

	assert_string_equal(is, expected);
}

static void the_needed_and_the_newest_stay(void **state DV_UNUSED)
{
	assert_spare("", 0, "0.0.10 0.0.11-nightly.1.1 0.0.9");
	assert_spare("", 1, "0.0.10 0.0.9");
	assert_spare("", 2, "0.0.9");
	assert_spare("", 3, "");
	assert_spare("0.0.9", 1, "0.0.10");
	assert_spare("0.0.9\n0.0.10\n0.0.11-nightly.1.1", 0, "");
	assert_spare("0.0.1", 100, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(the_needed_and_the_newest_stay) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
