/* test_maps.c - the maps are whole, have nobody who left, and are written only when they differ. */
#include "scratch.h"

#define DISPATCH "etc/t3-serve/dispatch.json"
#define TTYD "etc/ttyd-user-map"
#define ADMINS "etc/ttyd-admins"

static int check(struct scratch *scratch, char ret_what[static STEP_WHAT_BYTES])
{
	return scratch_check_machine(scratch, step_find("maps"), ret_what);
}

static void put(struct scratch *scratch, const char *name, const char *identity, unsigned int n,
		const char *tier)
{
	DV_AUTO_PEOPLE_ROW struct people_row row = scratch_wanted(name, n);

	scratch_set(&row.identity, identity);
	scratch_set(&row.tier, tier);
	assert_ok(scratch, people_put_wanted(scratch->ledger, &row, &scratch->err));
}

static void maps_have_those_on_the_roster(void **state)
{
	struct scratch *scratch = *state;
	char what[STEP_WHAT_BYTES];

	put(scratch, "anca", "zoe", 0, "admin");
	put(scratch, "emo", "emil.barzin", 1, "power-user");
	assert_int_equal(check(scratch, what), STEP_DIFFERS);
	assert_string_equal(what, "write /" DISPATCH ", write /" TTYD ", write /" ADMINS);
	assert_ok(scratch, scratch_apply_machine(scratch, step_find("maps")));
	assert_int_equal(check(scratch, what), STEP_FINE);
	assert_file(scratch, TTYD, "emil.barzin=emo\nzoe=anca\n");
	assert_file(scratch, ADMINS, "anca\n");
	assert_file(scratch, DISPATCH,
		    "{\n  \"emil.barzin\": {\n    \"os_user\": \"emo\",\n    \"port\": 3774\n  },\n"
		    "  \"zoe\": {\n    \"os_user\": \"anca\",\n    \"port\": 3773\n  }\n}\n");
	assert_int_equal(scratch_mode(scratch, DISPATCH), 0644);
	assert_ok(scratch, people_set_left(scratch->ledger, "anca", &scratch->err));
	assert_ok(scratch, scratch_apply_machine(scratch, step_find("maps")));
	assert_file(scratch, TTYD, "emil.barzin=emo\n");
	assert_file(scratch, ADMINS, "");
}

static void nobody_is_a_map_too(void **state)
{
	struct scratch *scratch = *state;

	assert_ok(scratch, scratch_apply_machine(scratch, step_find("maps")));
	assert_file(scratch, DISPATCH, "{}\n");
	assert_file(scratch, TTYD, "");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(maps_have_those_on_the_roster),
		TEST(nobody_is_a_map_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
