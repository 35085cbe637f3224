/* test_unfinished.c - what was begun with somebody, and what takes its place. */
#include "scratch.h"

#include "ledger/events.h"
#include "ledger/unfinished.h"

static int64_t begin_run(struct scratch *scratch)
{
	int64_t id = 0;

	assert_ok(scratch,
		  update_log_begin(scratch->ledger, 1, "1.0.0", "boot", &id, &scratch->err));
	return id;
}

/* Of one run: another would not replace a move that is not finished. */
static struct move_row enter_move(struct scratch *scratch, enum update_state state)
{
	struct moves moves = { 0 };
	struct move_row row = { .name = "anna",
				.from = "1.0.0",
				.to = "1.1.0",
				.state = state,
				.copy = "20261127-031500",
				.level = 30 };

	assert_ok(scratch, moves_list(scratch->ledger, MOVES_ALL_RUNS, &moves, &scratch->err));
	row.run = moves.n_rows > 0 ? moves.rows[0].run : begin_run(scratch);
	moves_done(&moves);
	assert_ok(scratch, moves_enter(scratch->ledger, &row, 10, &scratch->err));
	return row;
}

static struct restore_row begin_restore(struct scratch *scratch)
{
	const struct restore_row row = { .name = "anna", .id = "20261127-031500" };

	assert_ok(scratch, restores_begin(scratch->ledger, &row, &scratch->err));
	return row;
}

static struct unfinished find(struct scratch *scratch, const char *name)
{
	struct unfinished unfinished;

	assert_ok(scratch, unfinished_find(scratch->ledger, name, &unfinished, &scratch->err));
	return unfinished;
}

static void what_has_come_to_its_end_is_not_found(void **state)
{
	struct scratch *scratch = *state;
	struct unfinished unfinished = find(scratch, "anna");

	assert_false(unfinished_is_any(&unfinished));
	(void)enter_move(scratch, UPDATE_STATE_BACK);
	unfinished = find(scratch, "anna");
	assert_false(unfinished_is_any(&unfinished));
	assert_string_equal(unfinished.version, "");
}

static void a_move_says_where_it_came_from(void **state)
{
	struct scratch *scratch = *state;
	struct unfinished unfinished;
	char text[UNFINISHED_TEXT_BYTES];

	(void)enter_move(scratch, UPDATE_STATE_UNDOING);
	unfinished = find(scratch, "anna");
	assert_true(unfinished_is_any(&unfinished));
	assert_true(unfinished.has_move);
	assert_false(unfinished.has_restore);
	assert_string_equal(unfinished.version, "1.0.0");
	assert_int_equal(unfinished.level, 30);
	unfinished_describe(&unfinished, text);
	assert_string_equal(text, "the way back from t3 1.1.0 to 1.0.0 (run 1)");
	(void)enter_move(scratch, UPDATE_STATE_POINTED);
	unfinished = find(scratch, "anna");
	unfinished_describe(&unfinished, text);
	assert_string_equal(text, "the move from t3 1.0.0 to 1.1.0 (run 1)");
	unfinished = find(scratch, "ben");
	assert_false(unfinished_is_any(&unfinished));
}

static void a_restore_leaves_the_version_alone(void **state)
{
	struct scratch *scratch = *state;
	struct unfinished unfinished;
	char text[UNFINISHED_TEXT_BYTES];

	(void)enter_move(scratch, UPDATE_STATE_MOVED);
	(void)begin_restore(scratch);
	unfinished = find(scratch, "anna");
	assert_true(unfinished.has_restore);
	assert_false(unfinished.has_move);
	assert_string_equal(unfinished.version, "");
	assert_int_equal(unfinished.level, -1);
	unfinished_describe(&unfinished, text);
	assert_string_equal(text, "the restore of 20261127-031500");
}

/* The journal of the move's run and the event say it; and what leads back is known still. */
static void a_restore_takes_the_place_of_a_move(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_UPDATE_STEPS struct update_steps steps = { 0 };
	DV_AUTO_EVENTS struct events events = { 0 };
	const struct move_row move = enter_move(scratch, UPDATE_STATE_UNDOING);
	struct unfinished unfinished = find(scratch, "anna");
	const struct restore_row instead = {
		.name = "anna", .id = "20261126-031500", .version = "1.0.0", .began_usec = 20
	};

	assert_ok(scratch,
		  unfinished_replace(scratch->ledger, &unfinished, &instead, 20, &scratch->err));
	unfinished = find(scratch, "anna");
	assert_false(unfinished.has_move);
	assert_true(unfinished.has_restore);
	scratch_assert_restore(&unfinished.restore, &instead);
	assert_string_equal(unfinished.version, "1.0.0");
	assert_int_equal(unfinished.level, 30);
	assert_int_equal(unfinished.move.state, UPDATE_STATE_SUPERSEDED);
	assert_non_null(strstr(unfinished.move.reason, "20261126-031500"));
	assert_ok(scratch, update_log_steps(scratch->ledger, move.run, &steps, &scratch->err));
	assert_int_equal(steps.rows[steps.n_rows - 1].state, UPDATE_STATE_SUPERSEDED);
	assert_string_equal(steps.rows[steps.n_rows - 1].person, "anna");
	assert_ok(scratch, events_list(scratch->ledger, 0, "anna", 10, &events, &scratch->err));
	assert_int_equal(events.n_rows, 1);
	assert_string_equal(events.rows[0].text,
			    "anna: the way back from t3 1.1.0 to 1.0.0 (run 1) was not finished; "
			    "a restore of the copy 20261126-031500 takes its place");
}

static void a_restore_takes_the_place_of_a_restore(void **state)
{
	struct scratch *scratch = *state;
	struct unfinished unfinished;
	const struct restore_row instead = { .name = "anna",
					     .id = "20261126-031500",
					     .began_usec = 20 };

	(void)begin_restore(scratch);
	unfinished = find(scratch, "anna");
	assert_ok(scratch,
		  unfinished_replace(scratch->ledger, &unfinished, &instead, 20, &scratch->err));
	unfinished = find(scratch, "anna");
	scratch_assert_restore(&unfinished.restore, &instead);
}

/* A ledger that lets no event in. */
static void all_of_it_or_nothing(void **state)
{
	struct scratch *scratch = *state;
	const struct move_row move = enter_move(scratch, UPDATE_STATE_UNDOING);
	struct unfinished unfinished = find(scratch, "anna");
	const struct restore_row instead = { .name = "anna", .id = "20261126-031500" };

	sqlite3 *db = scratch_open_beside(scratch);

	assert_int_equal(sqlite3_exec(db,
				      "CREATE TRIGGER full BEFORE INSERT ON events"
				      " BEGIN SELECT raise(ABORT, 'full'); END",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	(void)sqlite3_close(db);
	assert_true(unfinished_replace(scratch->ledger, &unfinished, &instead, 20, &scratch->err) <
		    0);
	unfinished = find(scratch, "anna");
	assert_false(unfinished.has_restore);
	assert_true(unfinished.has_move);
	assert_int_equal(unfinished.move.state, move.state);
	assert_string_equal(unfinished.move.reason, "");
}

#define WITH_LEDGER(test)                                                                          \
	cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LEDGER(what_has_come_to_its_end_is_not_found),
		WITH_LEDGER(a_move_says_where_it_came_from),
		WITH_LEDGER(a_restore_leaves_the_version_alone),
		WITH_LEDGER(a_restore_takes_the_place_of_a_move),
		WITH_LEDGER(a_restore_takes_the_place_of_a_restore),
		WITH_LEDGER(all_of_it_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
