/* test_copy.c - the ledger copied into memory: all there is, and nothing on disk moves for it. */
#include "scratch.h"

static int reopen(struct scratch *scratch, enum ledger_mode mode)
{
	scratch_close_ledger(scratch);
	return ledger_open(&scratch->ledger, &scratch->env, mode, 0, &scratch->err);
}

static void assert_meta(struct scratch *scratch, const char *key, const char *value)
{
	DV_AUTO_FREE char *found = NULL;

	assert_ok(scratch, ledger_get_meta(scratch->ledger, key, &found, &scratch->err));
	if (value)
		assert_string_equal(found, value);
	else
		assert_null(found);
}

/* Both what is in the database and what is only in its log yet; nothing on disk moves. */
static void one_has_all_there_is_and_keeps_what_is_written_to_itself(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *tree = NULL;
	DV_AUTO_FREE char *tree_after = NULL;
	sqlite3 *writer = NULL;

	for (int is_live = 0; is_live < 2; is_live++) {
		assert_ok(scratch, reopen(scratch, LEDGER_WRITE));
		assert_ok(scratch, ledger_set_meta(scratch->ledger, "key", "old", &scratch->err));
		scratch_close_ledger(scratch);
		if (is_live) {
			writer = scratch_open_beside(scratch);
			assert_int_equal(sqlite3_exec(writer, "UPDATE meta SET value = 'new'", NULL,
						      NULL, NULL),
					 SQLITE_OK);
		}
		free(tree);
		tree = scratch_dump_tree(scratch);
		assert_ok(scratch, reopen(scratch, LEDGER_SCRATCH));
		assert_meta(scratch, "key", is_live ? "new" : "old");
		assert_ok(scratch, ledger_begin(scratch->ledger, &scratch->err));
		assert_ok(scratch, ledger_set_meta(scratch->ledger, "other", "v", &scratch->err));
		assert_ok(scratch, ledger_commit(scratch->ledger, &scratch->err));
		assert_meta(scratch, "other", "v");
		scratch_close_ledger(scratch);
		free(tree_after);
		tree_after = scratch_dump_tree(scratch);
		assert_string_equal(tree_after, tree);
	}
	(void)sqlite3_close(writer);
	assert_ok(scratch, reopen(scratch, LEDGER_WRITE));
	assert_meta(scratch, "key", "new");
	assert_meta(scratch, "other", NULL);
}

/* Whose transaction is not at its end is not waited for, and not in it. */
static void what_is_not_committed_is_not_in_it(void **state)
{
	struct scratch *scratch = *state;
	sqlite3 *writer = scratch_open_beside(scratch);

	assert_int_equal(sqlite3_exec(writer,
				      "BEGIN IMMEDIATE;"
				      "INSERT INTO meta (key, value) VALUES ('key', 'half')",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	assert_ok(scratch, reopen(scratch, LEDGER_SCRATCH));
	assert_meta(scratch, "key", NULL);
	(void)sqlite3_close(writer);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_has_all_there_is_and_keeps_what_is_written_to_itself),
		TEST(what_is_not_committed_is_not_in_it),
	};

	return cmocka_run_group_tests_name("copy", tests, NULL, NULL);
}
