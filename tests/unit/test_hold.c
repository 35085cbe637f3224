/* test_hold.c - a hold is there until it is released, says why, and is there where nobody can tell. */
#include "scratch.h"

#include "steps/hold.h"

static void is_there_until_it_is_released(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *text = NULL;
	DV_AUTO_FREE char *none = NULL;
	DV_AUTO_FREE char *empty = NULL;

	scratch_make_folder(scratch, HOLD_FOLDER, 0755);
	assert_false(hold_is_set(&scratch->env, "anna"));
	assert_ok(scratch, hold_set(&scratch->env, "anna", "restore of 1", &scratch->err));
	assert_true(hold_is_set(&scratch->env, "anna"));
	assert_false(hold_is_set(&scratch->env, "ben"));
	assert_file(scratch, HOLD_FOLDER "/anna", "restore of 1\n");
	assert_ok(scratch, hold_read(&scratch->env, "anna", &text, &scratch->err));
	assert_string_equal(text, "restore of 1\n");
	assert_ok(scratch, hold_release(&scratch->env, "anna", &scratch->err));
	assert_ok(scratch, hold_release(&scratch->env, "anna", &scratch->err));
	assert_false(hold_is_set(&scratch->env, "anna"));
	assert_int_equal(hold_read(&scratch->env, "anna", &none, &scratch->err), -ENOENT);
	scratch_write(scratch, HOLD_FOLDER "/anna", "", 0644);
	assert_ok(scratch, hold_read(&scratch->env, "anna", &empty, &scratch->err));
	assert_string_equal(empty, "");
}

/* A restore, in the place of an update that could not be taken back, of another restore, or of nothing. */
static void what_was_written_by_hand_outlives_a_job(void **state)
{
	static const char *const jobs[] = { "", "update of t3 from 1 to 2, run 7\n",
					    "restore of 20261127-013004\n" };
	static const char *const by_hand[] = { "by hand\n", "", "two\nlines" };
	struct scratch *scratch = *state;
	char before[256], with[256];

	for (size_t i = 0; i < DV_COUNT(jobs) * DV_COUNT(by_hand); i++) {
		const char *job = jobs[i % DV_COUNT(jobs)];
		const char *hand = by_hand[i / DV_COUNT(jobs)];

		(void)snprintf(before, sizeof(before), "%s%s%s", job,
			       *job ? "held before that:\n" : "", hand);
		(void)snprintf(with, sizeof(with), "restore of 1\nheld before that:\n%s", hand);
		scratch_write(scratch, HOLD_FOLDER "/anna", before, 0644);
		for (int twice = 0; twice < 2; twice++) {
			assert_ok(scratch,
				  hold_set(&scratch->env, "anna", "restore of 1", &scratch->err));
			assert_file(scratch, HOLD_FOLDER "/anna", with);
		}
		for (int twice = 0; twice < 2; twice++) {
			assert_ok(scratch, hold_lift(&scratch->env, "anna", &scratch->err));
			assert_file(scratch, HOLD_FOLDER "/anna", hand);
		}
	}
}

static void what_jobs_have_written_goes_with_them(void **state)
{
	static const char *const jobs[] = { "update of t3 from 1 to 2, run 7\n", "restore of 2\n",
					    "restore of 2" };
	struct scratch *scratch = *state;

	for (size_t i = 0; i < DV_COUNT(jobs); i++) {
		scratch_write(scratch, HOLD_FOLDER "/anna", jobs[i], 0644);
		assert_ok(scratch, hold_set(&scratch->env, "anna", "restore of 1", &scratch->err));
		assert_file(scratch, HOLD_FOLDER "/anna", "restore of 1\n");
		for (int twice = 0; twice < 2; twice++)
			assert_ok(scratch, hold_lift(&scratch->env, "anna", &scratch->err));
		assert_false(hold_is_set(&scratch->env, "anna"));
	}
}

/* An administrator adds a line while a job is at it. */
static void what_is_added_meanwhile_is_by_hand(void **state)
{
	struct scratch *scratch = *state;

	scratch_write(scratch, HOLD_FOLDER "/anna", "restore of 1\nby hand\n", 0644);
	assert_ok(scratch, hold_lift(&scratch->env, "anna", &scratch->err));
	assert_file(scratch, HOLD_FOLDER "/anna", "by hand\n");
}

static void what_cannot_be_read_stays(void **state)
{
	struct scratch *scratch = *state;
	char *book = calloc(1, 5001);

	assert_non_null(book);
	memset(book, 'x', 5000);
	scratch_write(scratch, HOLD_FOLDER "/anna", book, 0644);
	assert_ok(scratch, hold_set(&scratch->env, "anna", "restore of 1", &scratch->err));
	assert_file(scratch, HOLD_FOLDER "/anna", book);
	assert_ok(scratch, hold_lift(&scratch->env, "anna", &scratch->err));
	assert_file(scratch, HOLD_FOLDER "/anna", book);
	free(book);
}

static void what_cannot_be_looked_at_holds(void **state)
{
	struct scratch *scratch = *state;

	scratch_write(scratch, "var/lib/devvm/hold", "a file, no folder", 0600);
	assert_true(hold_is_set(&scratch->env, "anna"));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(is_there_until_it_is_released),
		TEST(what_was_written_by_hand_outlives_a_job),
		TEST(what_jobs_have_written_goes_with_them),
		TEST(what_is_added_meanwhile_is_by_hand),
		TEST(what_cannot_be_read_stays),
		TEST(what_cannot_be_looked_at_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
