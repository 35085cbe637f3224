/* test_tiers.c - the names of tiers and the groups they bring. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "roster/tiers.h"

static void names_go_both_ways(void **state DV_UNUSED)
{
	for (enum tier tier = TIER_UNSET + 1; tier < TIER_N; tier++)
		assert_int_equal(tier_from_name(tier_name(tier)), tier);
	assert_string_equal(tier_name(TIER_ADMIN), "admin");
	assert_string_equal(tier_name(TIER_POWER_USER), "power-user");
	assert_string_equal(tier_name(TIER_NAMESPACE_OWNER), "namespace-owner");
}

static void unknown_names_are_no_tier(void **state DV_UNUSED)
{
	static const char *const words[] = { "", "Admin", "admin ", "unset", "power_user", "root" };

	for (size_t i = 0; i < DV_COUNT(words); i++)
		assert_int_equal(tier_from_name(words[i]), TIER_UNSET);
}

static void only_admins_get_groups(void **state DV_UNUSED)
{
	static const char *const expected[] = { "code-shared", "docker", "sudo" };
	const char *const *groups = tier_groups(TIER_ADMIN);

	for (size_t i = 0; i < DV_COUNT(expected); i++)
		assert_string_equal(groups[i], expected[i]);
	assert_null(groups[DV_COUNT(expected)]);
	assert_null(tier_groups(TIER_POWER_USER)[0]);
	assert_null(tier_groups(TIER_NAMESPACE_OWNER)[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_go_both_ways),
		cmocka_unit_test(unknown_names_are_no_tier),
		cmocka_unit_test(only_admins_get_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
