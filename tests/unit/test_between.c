#include "move/between.h"

#include "scratch.h"

#define OURS "update of t3 from 0.0.24 to 0.0.28, run 7\n"

static struct move_row row_of(const char *name, enum update_state state)
{
	struct move_row row = { .run = 7, .state = state, .from = "0.0.24", .to = "0.0.28" };

	(void)snprintf(row.name, sizeof(row.name), "%s", name);
	return row;
}

static void it_is_set_and_released(void **state)
{
	struct scratch *scratch = *state;
	const struct move_row row = row_of("anna", UPDATE_STATE_POINTED);

	scratch_make_folder(scratch, HOLD_FOLDER, 0755);
	assert_ok(scratch, between_hold(&scratch->env, &row, &scratch->err));
	assert_file(scratch, HOLD_FOLDER "/anna", OURS);
	assert_true(between_is_held(&scratch->env, &row));
	assert_ok(scratch, between_hold(&scratch->env, &row, &scratch->err));
	assert_ok(scratch, between_release(&scratch->env, &row, &scratch->err));
	assert_false(hold_is_set(&scratch->env, "anna"));
	assert_false(between_is_held(&scratch->env, &row));
	assert_ok(scratch, between_release(&scratch->env, &row, &scratch->err));
}

/* By hand, of a restore, of another run. */
static void what_others_have_set_comes_back(void **state)
{
	static const char *const others[] = { "",
					      "by hand\n",
					      "by hand",
					      "two\nlines\n",
					      "restore of 20261127-013004\n",
					      "update of t3 from 0.0.24 to 0.0.28, run 8\n" };
	struct scratch *scratch = *state;
	const struct move_row row = row_of("anna", UPDATE_STATE_SOAKING);
	char both[256];

	for (size_t i = 0; i < DV_COUNT(others); i++) {
		scratch_write(scratch, HOLD_FOLDER "/anna", others[i], 0644);
		assert_ok(scratch, between_release(&scratch->env, &row, &scratch->err));
		assert_file(scratch, HOLD_FOLDER "/anna", others[i]);
		(void)snprintf(both, sizeof(both), OURS "held before that:\n%s", others[i]);
		for (int twice = 0; twice < 2; twice++) {
			assert_ok(scratch, between_hold(&scratch->env, &row, &scratch->err));
			assert_file(scratch, HOLD_FOLDER "/anna", both);
		}
		for (int twice = 0; twice < 2; twice++) {
			assert_ok(scratch, between_release(&scratch->env, &row, &scratch->err));
			assert_file(scratch, HOLD_FOLDER "/anna", others[i]);
		}
	}
}

static void what_nobody_can_read_stays(void **state)
{
	struct scratch *scratch = *state;
	const struct move_row row = row_of("anna", UPDATE_STATE_SOAKING);

	scratch_make_folder(scratch, HOLD_FOLDER "/anna", 0755);
	assert_ok(scratch, between_hold(&scratch->env, &row, &scratch->err));
	assert_ok(scratch, between_release(&scratch->env, &row, &scratch->err));
	assert_true(hold_is_set(&scratch->env, "anna"));
}

static void who_is_between_is_held_and_nobody_else(void **state)
{
	struct scratch *scratch = *state;
	struct move_row rows[UPDATE_N_STATES];
	struct moves moves = { .rows = rows };
	char name[16];

	scratch_make_folder(scratch, HOLD_FOLDER, 0755);
	for (int i = UPDATE_STATE_UNSET + 1; i < UPDATE_N_STATES; i++) {
		(void)snprintf(name, sizeof(name), "p%d", i);
		rows[moves.n_rows++] = row_of(name, (enum update_state)i);
	}
	assert_ok(scratch, between_hold_all(&scratch->env, &moves, &scratch->err));
	for (size_t i = 0; i < moves.n_rows; i++)
		assert_int_equal(hold_is_set(&scratch->env, rows[i].name),
				 moves_is_between(rows[i].state));
}

/* Of whom housekeeping keeps its hands. */
static void who_is_held_or_between_is_anothers(void **state)
{
	struct scratch *scratch = *state;
	struct move_row rows[] = { row_of("anna", UPDATE_STATE_SOAKING),
				   row_of("ben", UPDATE_STATE_MOVED) };
	const struct moves moves = { .rows = rows, .n_rows = DV_COUNT(rows) };

	scratch_write(scratch, HOLD_FOLDER "/carol", "by hand\n", 0644);
	assert_true(between_is_anothers(&scratch->env, &moves, "anna"));
	assert_false(between_is_anothers(&scratch->env, &moves, "ben"));
	assert_true(between_is_anothers(&scratch->env, &moves, "carol"));
	assert_false(between_is_anothers(&scratch->env, &moves, "dan"));
}

static void one_that_cannot_be_held_keeps_no_other_from_it(void **state)
{
	struct scratch *scratch = *state;
	struct move_row rows[] = { row_of("an/na", UPDATE_STATE_POINTED),
				   row_of("ben", UPDATE_STATE_POINTED) };
	const struct moves moves = { .rows = rows, .n_rows = DV_COUNT(rows) };

	scratch_make_folder(scratch, HOLD_FOLDER, 0755);
	assert_true(between_hold_all(&scratch->env, &moves, &scratch->err) < 0);
	assert_true(hold_is_set(&scratch->env, "ben"));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_is_set_and_released),
		TEST(what_others_have_set_comes_back),
		TEST(what_nobody_can_read_stays),
		TEST(who_is_between_is_held_and_nobody_else),
		TEST(who_is_held_or_between_is_anothers),
		TEST(one_that_cannot_be_held_keeps_no_other_from_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
