/* test_mirrors_log.c - runs of mirrors in the ledger: newest first, a bounded number of each. */
#include "scratch.h"

#include "ledger/mirrors_log.h"

static void add(struct scratch *scratch, char *name, int64_t started_usec, char *text)
{
	char route[] = "/a -> /b";
	struct mirrors_log_row row = { .name = name,
				       .route = route,
				       .state = text ? MIRRORS_LOG_REFUSED : MIRRORS_LOG_OK,
				       .started_usec = started_usec,
				       .ended_usec = started_usec + 1,
				       .checked = 2,
				       .copied = 3,
				       .deleted = 4,
				       .errors = 5,
				       .bytes = 6,
				       .text = text };

	assert_ok(scratch, mirrors_log_add(scratch->ledger, &row, &scratch->err));
}

static void a_row_comes_back_as_it_was(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_MIRRORS_LOG struct mirrors_log log = { 0 };
	const struct mirrors_log_row *row;
	char name[] = "docs", text[] = "the source has no files";

	add(scratch, name, 100, NULL);
	add(scratch, name, 200, text);
	assert_ok(scratch, mirrors_log_list(scratch->ledger, &log, &scratch->err));
	assert_int_equal(log.n_rows, 2);
	row = mirrors_log_find(&log, "docs");
	assert_int_equal(row->started_usec, 200);
	assert_int_equal(row->ended_usec, 201);
	assert_int_equal(row->state, MIRRORS_LOG_REFUSED);
	assert_string_equal(row->route, "/a -> /b");
	assert_string_equal(row->text, text);
	assert_int_equal(row->checked, 2);
	assert_int_equal(row->copied, 3);
	assert_int_equal(row->deleted, 4);
	assert_int_equal(row->errors, 5);
	assert_int_equal(row->bytes, 6);
	assert_int_equal(log.rows[1].state, MIRRORS_LOG_OK);
	assert_null(log.rows[1].text);
	assert_null(mirrors_log_find(&log, "other"));
}

static void the_oldest_goes(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_MIRRORS_LOG struct mirrors_log log = { 0 };
	char docs[] = "docs", other[] = "other";

	add(scratch, other, 1, NULL);
	for (int i = 1; i <= MIRRORS_LOG_KEPT + 3; i++)
		add(scratch, docs, i, NULL);
	assert_ok(scratch, mirrors_log_list(scratch->ledger, &log, &scratch->err));
	assert_int_equal(log.n_rows, MIRRORS_LOG_KEPT + 1);
	assert_int_equal(log.rows[0].started_usec, MIRRORS_LOG_KEPT + 3);
	assert_int_equal(log.rows[MIRRORS_LOG_KEPT - 1].started_usec, 4);
	assert_string_equal(log.rows[MIRRORS_LOG_KEPT].name, "other");
}

static void a_mirror_is_forgotten(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_MIRRORS_LOG struct mirrors_log log = { 0 };
	char docs[] = "docs", other[] = "other";

	add(scratch, docs, 1, NULL);
	add(scratch, other, 1, NULL);
	assert_ok(scratch, mirrors_log_remove(scratch->ledger, "docs", &scratch->err));
	assert_ok(scratch, mirrors_log_list(scratch->ledger, &log, &scratch->err));
	assert_int_equal(log.n_rows, 1);
	assert_string_equal(log.rows[0].name, "other");
}

static void words_of_states(void **state DV_UNUSED)
{
	for (int i = MIRRORS_LOG_OK; i <= MIRRORS_LOG_FAILED; i++) {
		enum mirrors_log_state one = (enum mirrors_log_state)i;

		assert_int_equal(mirrors_log_state_of(mirrors_log_word(one)), one);
	}
	assert_int_equal(mirrors_log_state_of("unset"), MIRRORS_LOG_UNSET);
	assert_int_equal(mirrors_log_state_of(NULL), MIRRORS_LOG_UNSET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_row_comes_back_as_it_was, scratch_setup_ledger,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(the_oldest_goes, scratch_setup_ledger,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(a_mirror_is_forgotten, scratch_setup_ledger,
						scratch_teardown),
		cmocka_unit_test(words_of_states),
	};

	return cmocka_run_group_tests_name("mirrors_log", tests, NULL, NULL);
}
