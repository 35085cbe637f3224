/* test_validate.c - the roster's tiers against the k8s_users map. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "roster/validate.h"

#define ROSTER                                                                                     \
	"users:\n"                                                                                 \
	"  wizard: {authentik_user: v, k8s_user: wiz, tier: admin}\n"                              \
	"  emo: {authentik_user: e, k8s_user: emo, tier: power-user}\n"                            \
	"  anca: {authentik_user: a, k8s_user: anca.k, tier: namespace-owner, namespaces: [b]}\n"

static struct validation validate(const char *json)
{
	DV_AUTO_ROSTER struct roster roster = { 0 };
	struct validation validation = { 0 };
	struct dv_error err = { 0 };
	int r = roster_parse(&roster, "r.yaml", ROSTER, strlen(ROSTER), &err);

	if (r == 0)
		r = validate_tiers(&validation, &roster, json, &err);
	assert_string_equal(err.text, "");
	assert_int_equal(r, 0);
	return validation;
}

static void assert_lines(const struct str_list *list, const char *expected)
{
	DV_AUTO_FREE char *joined = str_list_join(list, "\n");

	assert_string_equal(joined, expected);
}

static void agreement_says_nothing_whatever_the_shape(void **state DV_UNUSED)
{
	static const char *const maps[] = {
		"{\"emo\": {\"tier\": \"power-user\"}, \"anca.k\": {\"tier\": "
		"\"namespace-owner\"}}",
		"{\"emo\": {\"role\": \"power-user\"}, \"anca.k\": \"namespace-owner\"}",
		"{\"emo\": {\"tier\": \"power-user\", \"role\": \"other\", \"email\": [1]},"
		" \"anca.k\": \"namespace-owner\", \"stranger\": 7}",
	};

	for (size_t i = 0; i < DV_COUNT(maps); i++) {
		DV_AUTO_VALIDATION struct validation validation = validate(maps[i]);

		assert_lines(&validation.errors, "");
		assert_lines(&validation.warnings, "");
	}
}

static void conflicts_name_person_line_and_both_tiers(void **state DV_UNUSED)
{
	DV_AUTO_VALIDATION struct validation validation =
		validate("{\"emo\": {\"tier\": \"admin\"}, \"anca.k\": \"power-user\\u001b[31m\"}");

	assert_lines(
		&validation.errors,
		"r.yaml:4: anca: tier namespace-owner in the roster, but power-user\\x1b[31m in "
		"the k8s_users map (k8s_user anca.k)\n"
		"r.yaml:3: emo: tier power-user in the roster, but admin in the k8s_users map "
		"(k8s_user emo)");
	assert_lines(&validation.warnings, "");
}

static void absent_people_are_pending(void **state DV_UNUSED)
{
	DV_AUTO_VALIDATION struct validation validation = validate("{\"emo\": {\"email\": \"x\"}}");

	assert_lines(&validation.errors, "");
	assert_lines(
		&validation.warnings,
		"r.yaml:4: anca: k8s_user anca.k is not in the k8s_users map: the grant of "
		"namespace-owner is pending\n"
		"r.yaml:3: emo: k8s_user emo has no tier in the k8s_users map; the roster says "
		"power-user");
}

static void admins_are_exempt(void **state DV_UNUSED)
{
	DV_AUTO_VALIDATION struct validation validation =
		validate("{\"wiz\": \"power-user\", \"emo\": \"power-user\","
			 " \"anca.k\": \"namespace-owner\"}");

	assert_lines(&validation.errors, "");
	assert_lines(&validation.warnings, "");
}

static void what_is_no_map_is_told(void **state DV_UNUSED)
{
	static const struct {
		const char *json, *sentence;
	} rows[] = {
		{ "[]", "the k8s_users map is not a JSON object of users" },
		{ "{\"emo\": 1, \"emo\": 2}",
		  "the k8s_users map is not JSON: line 1: duplicate object key near '\"emo\"'" },
		{ "",
		  "the k8s_users map is not JSON: line 1: '[' or '{' expected near end of file" },
		{ "{\n\"a\"}", "the k8s_users map is not JSON: line 2: ':' expected near '}'" },
	};
	DV_AUTO_ROSTER struct roster roster = { 0 };

	assert_int_equal(roster_parse(&roster, "r.yaml", ROSTER, strlen(ROSTER), NULL), 0);
	for (size_t i = 0; i < DV_COUNT(rows); i++) {
		struct validation validation = { 0 };
		struct dv_error err = { 0 };

		assert_int_equal(validate_tiers(&validation, &roster, rows[i].json, &err),
				 -EBADMSG);
		assert_string_equal(err.text, rows[i].sentence);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agreement_says_nothing_whatever_the_shape),
		cmocka_unit_test(conflicts_name_person_line_and_both_tiers),
		cmocka_unit_test(absent_people_are_pending),
		cmocka_unit_test(admins_are_exempt),
		cmocka_unit_test(what_is_no_map_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
