/* test_update_notes.c - what the gate found is remembered of one package, for a day. */
#include "scratch.h"

#include "ledger/update_notes.h"

static bool is_gated(struct scratch *scratch, const char *version, const char *last_good,
		     int64_t now_usec, char ret_excluded[static 64])
{
	DV_AUTO_STR_LIST struct str_list excluded = { 0 };
	DV_AUTO_FREE char *joined = NULL;
	bool is = false;

	assert_ok(scratch, update_is_gated(scratch->ledger, version, "sha512-x", last_good,
					   now_usec, &is, &excluded, &scratch->err));
	joined = str_list_join(&excluded, " ");
	(void)snprintf(ret_excluded, 64, "%s", joined ? joined : "");
	return is;
}

static void a_good_gate_is_remembered_for_a_day(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_STR_LIST struct str_list excluded = { 0 };
	char names[64];

	assert_false(is_gated(scratch, "1.1.0", "1.0.0", 100, names));
	assert_int_equal(str_list_add(&excluded, "anna"), 0);
	assert_int_equal(str_list_add(&excluded, "ben"), 0);
	assert_ok(scratch, update_note_gated(scratch->ledger, "1.1.0", "sha512-x", "1.0.0", 100,
					     &excluded, &scratch->err));
	assert_true(is_gated(scratch, "1.1.0", "1.0.0", 100, names));
	assert_string_equal(names, "anna ben");
	assert_true(is_gated(scratch, "1.1.0", "1.0.0", 100 + UPDATE_GATED_USEC, names));
	assert_false(is_gated(scratch, "1.1.0", "1.0.0", 101 + UPDATE_GATED_USEC, names));
	assert_string_equal(names, "");
	/* The clock was set back. */
	assert_false(is_gated(scratch, "1.1.0", "1.0.0", 99, names));
	assert_false(is_gated(scratch, "1.1.1", "1.0.0", 100, names));
	assert_false(is_gated(scratch, "1.1.0", "1.0.1", 100, names));
	assert_string_equal(names, "");
}

static void nobody_excluded_is_nobody(void **state)
{
	struct scratch *scratch = *state;
	const struct str_list none = { 0 };
	char names[64];

	assert_ok(scratch, update_note_gated(scratch->ledger, "1.1.0", "sha512-x", "", 100, &none,
					     &scratch->err));
	assert_true(is_gated(scratch, "1.1.0", "", 100, names));
	assert_string_equal(names, "");
}

static void whoever_goes_on_asks_for_the_version_alone(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_STR_LIST struct str_list excluded = { 0 };
	DV_AUTO_STR_LIST struct str_list found = { 0 };
	bool was = true;

	assert_ok(scratch, update_was_gated(scratch->ledger, "1.1.0", &was, &found, &scratch->err));
	assert_false(was);
	assert_int_equal(str_list_add(&excluded, "anna"), 0);
	assert_ok(scratch, update_note_gated(scratch->ledger, "1.1.0", "sha512-x", "1.0.0", 100,
					     &excluded, &scratch->err));
	assert_ok(scratch, update_was_gated(scratch->ledger, "1.1", &was, &found, &scratch->err));
	assert_false(was);
	assert_int_equal(found.n_items, 0);
	assert_ok(scratch, update_was_gated(scratch->ledger, "1.1.0", &was, &found, &scratch->err));
	assert_true(was);
	assert_int_equal(found.n_items, 1);
	assert_string_equal(found.items[0], "anna");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_good_gate_is_remembered_for_a_day),
		TEST(whoever_goes_on_asks_for_the_version_alone),
		TEST(nobody_excluded_is_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
