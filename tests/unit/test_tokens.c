/* test_tokens.c - the digests of shared tokens: all that ever were, each once. */
#include "scratch.h"

#include "ledger/tokens.h"

static void add(struct scratch *scratch, const char *digest)
{
	assert_ok(scratch, tokens_add(scratch->ledger, digest, &scratch->err));
}

static void assert_digests(struct scratch *scratch, const char *expected)
{
	DV_AUTO_STR_LIST struct str_list digests = { 0 };
	DV_AUTO_FREE char *joined = NULL;

	assert_ok(scratch, tokens_list(scratch->ledger, &digests, &scratch->err));
	joined = str_list_join(&digests, " ");
	assert_string_equal(joined, expected);
}

static void none_are_known_at_first(void **state)
{
	assert_digests(*state, "");
}

static void all_are_remembered(void **state)
{
	add(*state, "aa");
	add(*state, "bb");
	assert_digests(*state, "aa bb");
}

static void one_twice_is_one(void **state)
{
	add(*state, "aa");
	add(*state, "aa");
	assert_digests(*state, "aa");
}

static void they_outlive_the_program(void **state)
{
	struct scratch *scratch = *state;

	add(scratch, "aa");
	scratch_close_ledger(scratch);
	scratch_open_ledger(scratch);
	assert_digests(scratch, "aa");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(none_are_known_at_first),
		TEST(all_are_remembered),
		TEST(one_twice_is_one),
		TEST(they_outlive_the_program),
	};

	return cmocka_run_group_tests_name("tokens", tests, NULL, NULL);
}
