/* test_listing.c - what a listing answers, and when it does not. */
#include "scratch.h"

#include "steps/listing.h"

static enum listing_answer ask(struct scratch *scratch, struct listing *listing, const char *name)
{
	return listing_ask(listing, &scratch->env, "folder", name);
}

static void it_tells_what_was_there_when_it_was_first_asked(void **state)
{
	struct scratch *scratch = *state;
	DV_CLEANUP(listing_done) struct listing listing = { 0 };

	for (int i = 20; i > 0; i--) {
		char path[32];

		(void)snprintf(path, sizeof(path), "folder/p%02d", i);
		scratch_write(scratch, path, "", 0644);
	}
	assert_int_equal(ask(scratch, &listing, "p01"), LISTING_PRESENT);
	scratch_write(scratch, "folder/later", "", 0644);
	assert_int_equal(ask(scratch, &listing, "p20"), LISTING_PRESENT);
	assert_int_equal(ask(scratch, &listing, "p21"), LISTING_ABSENT);
	assert_int_equal(ask(scratch, &listing, "later"), LISTING_ABSENT);
}

static void after_a_change_it_does_not_answer(void **state)
{
	struct scratch *scratch = *state;
	DV_CLEANUP(listing_done) struct listing listing = { 0 };

	scratch_write(scratch, "folder/one", "", 0644);
	assert_int_equal(ask(scratch, &listing, "one"), LISTING_PRESENT);
	listing_outdate(&listing);
	assert_int_equal(ask(scratch, &listing, "one"), LISTING_UNKNOWN);
	assert_int_equal(ask(scratch, &listing, "two"), LISTING_UNKNOWN);
}

static void a_folder_that_is_not_there_is_empty(void **state)
{
	struct scratch *scratch = *state;
	DV_CLEANUP(listing_done) struct listing listing = { 0 };

	assert_int_equal(ask(scratch, &listing, "one"), LISTING_ABSENT);
}

static void what_cannot_be_listed_is_not_answered_for(void **state)
{
	struct scratch *scratch = *state;
	DV_CLEANUP(listing_done) struct listing listing = { 0 };

	scratch_write(scratch, "folder", "a file", 0644);
	assert_int_equal(ask(scratch, &listing, "one"), LISTING_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_tells_what_was_there_when_it_was_first_asked,
						scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(after_a_change_it_does_not_answer, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(a_folder_that_is_not_there_is_empty, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_listed_is_not_answered_for,
						scratch_setup, scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
