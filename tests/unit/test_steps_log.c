/* test_steps_log.c - results of steps: when a failed one is tried again, and that saying
 * the same once more writes nothing. */
#include "scratch.h"

#include <sqlite3.h>

#include "ledger/steps_log.h"

#define MS INT64_C(1000) /* in microseconds */

static struct steps_log_result result_of(const char *name, const char *step,
					 enum steps_log_status status, int64_t now_usec)
{
	return (struct steps_log_result){ .name = name,
					  .step = step,
					  .status = status,
					  .error = status == STEPS_LOG_FAILED ? "no route" : "",
					  .fingerprint = "f1",
					  .generation = 1,
					  .now_usec = now_usec };
}

static void put(struct scratch *scratch, const struct steps_log_result *result)
{
	assert_ok(scratch, steps_log_put(scratch->ledger, result, &scratch->err));
}

static void put_at(struct scratch *scratch, enum steps_log_status status, int64_t now_usec)
{
	struct steps_log_result result = result_of("emo", "code", status, now_usec);

	put(scratch, &result);
}

/* The one row that put_at() writes. */
static struct steps_log_row read_row(struct scratch *scratch)
{
	DV_AUTO_STEPS_LOG struct steps_log log = { 0 };
	const struct steps_log_row *row;
	struct steps_log_row copy;

	assert_ok(scratch, steps_log_list(scratch->ledger, "emo", &log, &scratch->err));
	row = steps_log_find(&log, "emo", "code");
	assert_non_null(row);
	copy = *row;
	copy.name = copy.step = copy.error = copy.fingerprint = NULL; /* they go with the list */
	return copy;
}

static void a_result_comes_back_as_written(void **state)
{
	struct scratch *scratch = *state;
	struct steps_log_result ok = result_of("emo", "path", STEPS_LOG_OK, 77);
	struct steps_log_result failed = result_of("emo", "code", STEPS_LOG_FAILED, 88);
	DV_AUTO_STEPS_LOG struct steps_log log = { 0 };

	failed.generation = 9;
	put(scratch, &ok);
	put(scratch, &failed);
	assert_ok(scratch, steps_log_list(scratch->ledger, NULL, &log, &scratch->err));
	assert_int_equal(log.n_rows, 2);
	assert_string_equal(log.rows[0].step, "code");
	assert_int_equal(log.rows[0].status, STEPS_LOG_FAILED);
	assert_string_equal(log.rows[0].error, "no route");
	assert_string_equal(log.rows[0].fingerprint, "f1");
	assert_int_equal(log.rows[0].generation, 9);
	assert_int_equal(log.rows[0].attempts, 1);
	assert_int_equal(log.rows[0].updated_usec, 88);
	assert_string_equal(log.rows[1].step, "path");
	assert_int_equal(log.rows[1].status, STEPS_LOG_OK);
	assert_null(log.rows[1].error);
	assert_int_equal(log.rows[1].attempts, 0);
	assert_int_equal(log.rows[1].next_retry_usec, 0);
}

static void the_wait_doubles_up_to_an_hour(void **state)
{
	struct scratch *scratch = *state;
	int64_t longest_ms = STEPS_LOG_FIRST_RETRY_MS;
	int64_t now_usec = SCRATCH_NOW_USEC;

	for (unsigned int attempt = 1; attempt <= 20; attempt++) {
		struct steps_log_row row;

		put_at(scratch, STEPS_LOG_FAILED, now_usec);
		row = read_row(scratch);
		assert_int_equal(row.attempts, attempt);
		assert_in_range(row.next_retry_usec - now_usec, longest_ms * 3 / 4 * MS,
				longest_ms * MS);
		now_usec = row.next_retry_usec;
		longest_ms *= 2;
		if (longest_ms > STEPS_LOG_MAX_RETRY_MS)
			longest_ms = STEPS_LOG_MAX_RETRY_MS;
	}
	assert_int_equal(longest_ms, 3600000);
}

static void a_thousand_failures_still_wait_an_hour_at_most(void **state)
{
	struct scratch *scratch = *state;

	assert_ok(scratch, ledger_begin(scratch->ledger, &scratch->err));
	for (int i = 0; i < 1000; i++)
		put_at(scratch, STEPS_LOG_FAILED, SCRATCH_NOW_USEC);
	assert_ok(scratch, ledger_commit(scratch->ledger, &scratch->err));
	assert_in_range(read_row(scratch).next_retry_usec - SCRATCH_NOW_USEC, 2700000 * MS,
			3600000 * MS);
}

static void people_do_not_all_come_back_at_once(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_STEPS_LOG struct steps_log log = { 0 };
	int64_t lowest = INT64_MAX, highest = 0;

	for (int i = 0; i < 40; i++) {
		char name[16];
		struct steps_log_result result =
			result_of(name, "code", STEPS_LOG_FAILED, SCRATCH_NOW_USEC);

		(void)snprintf(name, sizeof(name), "p%d", i);
		put(scratch, &result);
	}
	assert_ok(scratch, steps_log_list(scratch->ledger, NULL, &log, &scratch->err));
	for (size_t i = 0; i < log.n_rows; i++) {
		int64_t wait = log.rows[i].next_retry_usec - SCRATCH_NOW_USEC;

		lowest = wait < lowest ? wait : lowest;
		highest = wait > highest ? wait : highest;
	}
	/* 40 draws over a quarter of the wait: half a second apart but for one in 10^20. */
	assert_in_range(highest - lowest, 500 * MS, 2500 * MS);
}

static void a_recovery_forgets_the_failures(void **state)
{
	struct scratch *scratch = *state;
	struct steps_log_row row;

	put_at(scratch, STEPS_LOG_FAILED, SCRATCH_NOW_USEC);
	put_at(scratch, STEPS_LOG_FAILED, SCRATCH_NOW_USEC + 1);
	put_at(scratch, STEPS_LOG_OK, SCRATCH_NOW_USEC + 2);
	row = read_row(scratch);
	assert_int_equal(row.status, STEPS_LOG_OK);
	assert_int_equal(row.attempts, 0);
	assert_int_equal(row.next_retry_usec, 0);
	put_at(scratch, STEPS_LOG_FAILED, SCRATCH_NOW_USEC + 3);
	row = read_row(scratch);
	assert_int_equal(row.attempts, 1);
	assert_in_range(row.next_retry_usec - SCRATCH_NOW_USEC - 3, 7500 * MS, 10000 * MS);
}

/* Whether a second result, after `result`, was committed. */
static bool writes_again(struct scratch *scratch, const struct steps_log_result *second)
{
	sqlite3 *other = scratch_open_beside(scratch);
	int before;
	bool wrote;

	put_at(scratch, STEPS_LOG_OK, SCRATCH_NOW_USEC);
	before = scratch_data_version(other);
	put(scratch, second);
	wrote = scratch_data_version(other) != before;
	(void)sqlite3_close(other);
	return wrote;
}

static void the_same_result_again_writes_nothing(void **state)
{
	struct steps_log_result again =
		result_of("emo", "code", STEPS_LOG_OK,
			  SCRATCH_NOW_USEC + (STEPS_LOG_CONFIRM_MS - 1) * MS);

	assert_false(writes_again(*state, &again));
	assert_int_equal(read_row(*state).updated_usec, SCRATCH_NOW_USEC);
}

static void the_same_result_later_is_confirmed(void **state)
{
	struct steps_log_result again = result_of("emo", "code", STEPS_LOG_OK,
						  SCRATCH_NOW_USEC + STEPS_LOG_CONFIRM_MS * MS);

	assert_true(writes_again(*state, &again));
	assert_int_equal(read_row(*state).updated_usec, again.now_usec);
}

static void a_result_of_another_generation_is_written(void **state)
{
	struct steps_log_result again = result_of("emo", "code", STEPS_LOG_OK, SCRATCH_NOW_USEC);

	again.generation = 2;
	assert_true(writes_again(*state, &again));
	assert_int_equal(read_row(*state).generation, 2);
}

static void a_result_for_another_fingerprint_is_written(void **state)
{
	struct steps_log_result again = result_of("emo", "code", STEPS_LOG_OK, SCRATCH_NOW_USEC);

	again.fingerprint = "f2";
	assert_true(writes_again(*state, &again));
}

static void a_clock_set_back_is_written(void **state)
{
	struct steps_log_result again =
		result_of("emo", "code", STEPS_LOG_OK, SCRATCH_NOW_USEC - 1);

	assert_true(writes_again(*state, &again));
	assert_int_equal(read_row(*state).updated_usec, SCRATCH_NOW_USEC - 1);
}

static void the_failed_are_listed_alone(void **state)
{
	struct scratch *scratch = *state;
	struct steps_log_result results[] = {
		result_of("emo", "path", STEPS_LOG_OK, 1),
		result_of("wizard", "code", STEPS_LOG_FAILED, 1),
		result_of("emo", "code", STEPS_LOG_FAILED, 1),
		result_of("", "sshd", STEPS_LOG_FAILED, 1),
	};
	DV_AUTO_STEPS_LOG struct steps_log failed = { 0 };

	for (size_t i = 0; i < DV_COUNT(results); i++)
		put(scratch, &results[i]);
	assert_ok(scratch, steps_log_list_failed(scratch->ledger, &failed, &scratch->err));
	assert_int_equal(failed.n_rows, 3);
	assert_string_equal(failed.rows[0].name, "");
	assert_string_equal(failed.rows[1].name, "emo");
	assert_string_equal(failed.rows[1].step, "code");
	assert_string_equal(failed.rows[2].name, "wizard");
	assert_null(steps_log_find(&failed, "emo", "path"));
}

/* Names that sort differently by case, by length and beside other letters; NAME@N too. */
static void each_row_of_a_list_is_found(void **state)
{
	static const char *const names[] = { "",    "_x",    "a",      "a-b", "a.b", "ab",
					     "emo", "emo@1", "wizard", "z",   "Z" };
	static const char *const steps[] = { "t3-pointer", "code", "keys", "playwright-mcp" };
	struct scratch *scratch = *state;
	DV_AUTO_STEPS_LOG struct steps_log failed = { 0 };
	DV_AUTO_STEPS_LOG struct steps_log all = { 0 };

	assert_null(steps_log_find(&all, "emo", "code"));
	for (size_t i = 0; i < DV_COUNT(names) * DV_COUNT(steps); i++) {
		struct steps_log_result result =
			result_of(names[i % DV_COUNT(names)], steps[i / DV_COUNT(names)],
				  i % 3 ? STEPS_LOG_FAILED : STEPS_LOG_OK, 1);

		put(scratch, &result);
	}
	assert_ok(scratch, steps_log_list(scratch->ledger, NULL, &all, &scratch->err));
	assert_ok(scratch, steps_log_list_failed(scratch->ledger, &failed, &scratch->err));
	for (size_t i = 0; i < all.n_rows; i++) {
		const struct steps_log_row *row = &all.rows[i];

		assert_ptr_equal(steps_log_find(&all, row->name, row->step), row);
		assert_int_equal(steps_log_find(&failed, row->name, row->step) != NULL,
				 row->status == STEPS_LOG_FAILED);
	}
	assert_int_equal(all.n_rows, DV_COUNT(names) * DV_COUNT(steps));
	assert_null(steps_log_find(&all, "emo", "cod"));
	assert_null(steps_log_find(&all, "emoo", "code"));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_result_comes_back_as_written),
		TEST(the_wait_doubles_up_to_an_hour),
		TEST(a_thousand_failures_still_wait_an_hour_at_most),
		TEST(people_do_not_all_come_back_at_once),
		TEST(a_recovery_forgets_the_failures),
		TEST(the_same_result_again_writes_nothing),
		TEST(the_same_result_later_is_confirmed),
		TEST(a_result_of_another_generation_is_written),
		TEST(a_result_for_another_fingerprint_is_written),
		TEST(a_clock_set_back_is_written),
		TEST(the_failed_are_listed_alone),
		TEST(each_row_of_a_list_is_found),
	};

	return cmocka_run_group_tests_name("steps_log", tests, NULL, NULL);
}
