/* test_moves.c - how far a person's move is, with its state in the run's journal. */
#include "scratch.h"

#include "ledger/backups.h"
#include "ledger/moves.h"

static int64_t begin(struct scratch *scratch)
{
	int64_t id = 0;

	assert_ok(scratch,
		  update_log_begin(scratch->ledger, 1, "1.0.0", "boot", &id, &scratch->err));
	return id;
}

static void the_row_and_the_journal_say_the_same(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_UPDATE_STEPS struct update_steps steps = { 0 };
	DV_AUTO_MOVES struct moves moves = { 0 };
	struct move_row row = { .name = "anna",
				.run = begin(scratch),
				.from = "1.0.0",
				.to = "1.1.0",
				.state = UPDATE_STATE_HELD,
				.level = 30,
				.began_usec = 7,
				.was_running = true };

	assert_ok(scratch, moves_enter(scratch->ledger, &row, 10, &scratch->err));
	row.state = UPDATE_STATE_EXCLUDED;
	(void)snprintf(row.copy, sizeof(row.copy), "20261127-031500");
	(void)snprintf(row.reason, sizeof(row.reason), "no pairing");
	row.moved_usec = 12;
	assert_ok(scratch, moves_enter(scratch->ledger, &row, 11, &scratch->err));
	assert_ok(scratch, moves_list(scratch->ledger, row.run, &moves, &scratch->err));
	assert_int_equal(moves.n_rows, 1);
	assert_memory_equal(&moves.rows[0], &row, sizeof(row));
	assert_ok(scratch, update_log_steps(scratch->ledger, row.run, &steps, &scratch->err));
	assert_int_equal(steps.n_rows, 3);
	assert_int_equal(steps.rows[1].state, UPDATE_STATE_HELD);
	assert_string_equal(steps.rows[1].person, "anna");
	assert_int_equal(steps.rows[2].state, UPDATE_STATE_EXCLUDED);
	assert_string_equal(steps.rows[2].text, "no pairing");
}

static void a_person_has_one_row_of_the_last_run(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_MOVES struct moves of_first = { 0 };
	DV_AUTO_MOVES struct moves all = { 0 };
	struct move_row row = { .name = "anna", .run = begin(scratch), .state = UPDATE_STATE_HELD };
	int64_t first = row.run;

	row.state = UPDATE_STATE_MOVED;
	assert_ok(scratch, moves_enter(scratch->ledger, &row, 10, &scratch->err));
	row.run = begin(scratch);
	assert_ok(scratch, moves_enter(scratch->ledger, &row, 11, &scratch->err));
	(void)snprintf(row.name, sizeof(row.name), "ben");
	row.began_usec = -1;
	assert_ok(scratch, moves_enter(scratch->ledger, &row, 12, &scratch->err));
	assert_ok(scratch, moves_list(scratch->ledger, first, &of_first, &scratch->err));
	assert_int_equal(of_first.n_rows, 0);
	assert_ok(scratch, moves_list(scratch->ledger, MOVES_ALL_RUNS, &all, &scratch->err));
	assert_int_equal(all.n_rows, 2);
	assert_string_equal(all.rows[0].name, "ben");
	assert_string_equal(all.rows[1].name, "anna");
}

/* What undoes it is in there. */
static void no_other_run_replaces_who_is_between(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_UPDATE_STEPS struct update_steps steps = { 0 };
	DV_AUTO_MOVES struct moves moves = { 0 };
	struct move_row row = { .name = "anna",
				.run = begin(scratch),
				.copy = "20261127-031500",
				.state = UPDATE_STATE_UNDOING };
	struct move_row other = { .name = "anna", .state = UPDATE_STATE_DEFERRED };

	assert_ok(scratch, moves_enter(scratch->ledger, &row, 10, &scratch->err));
	other.run = begin(scratch);
	assert_int_equal(moves_enter(scratch->ledger, &other, 11, &scratch->err), -EBUSY);
	assert_contains(scratch->err.text, "devvm-recover");
	assert_ok(scratch, moves_list(scratch->ledger, MOVES_ALL_RUNS, &moves, &scratch->err));
	assert_memory_equal(moves_find(&moves, "anna"), &row, sizeof(row));
	assert_null(moves_find(&moves, "ben"));
	assert_ok(scratch, update_log_steps(scratch->ledger, other.run, &steps, &scratch->err));
	assert_int_equal(steps.n_rows, 1);
	/* Their own does, and then any. */
	row.state = UPDATE_STATE_BACK;
	assert_ok(scratch, moves_enter(scratch->ledger, &row, 12, &scratch->err));
	assert_ok(scratch, moves_enter(scratch->ledger, &other, 13, &scratch->err));
}

/* Each state of a person is either between two versions or at rest on one of them. */
static void what_is_between_is_recovered(void **state DV_UNUSED)
{
	static const enum update_state between[] = { UPDATE_STATE_HELD,	   UPDATE_STATE_COPIED,
						     UPDATE_STATE_POINTED, UPDATE_STATE_SOAKING,
						     UPDATE_STATE_FAILED,  UPDATE_STATE_UNDOING };
	size_t n = 0;

	for (int i = UPDATE_STATE_UNSET; i < UPDATE_N_STATES; i++)
		n += moves_is_between((enum update_state)i);
	assert_int_equal(n, DV_COUNT(between));
	for (size_t i = 0; i < DV_COUNT(between); i++)
		assert_true(moves_is_between(between[i]));
}

static void add_copy(struct scratch *scratch, const struct move_row *move)
{
	struct backups_row row = { .name = (char *)move->name,
				   .reason = (char *)"update",
				   .is_ok = true,
				   .needed_by = (char *)"1" };

	(void)snprintf(row.id, sizeof(row.id), "%s", move->copy);
	assert_ok(scratch, backups_add(scratch->ledger, &row, &scratch->err));
}

static void assert_needed(struct scratch *scratch, const char *name, const char *expected)
{
	DV_AUTO_BACKUPS struct backups backups = { 0 };

	assert_ok(scratch, backups_list(scratch->ledger, name, &backups, &scratch->err));
	assert_int_equal(backups.n_rows, 1);
	assert_string_equal(backups.rows[0].needed_by ? backups.rows[0].needed_by : "nobody",
			    expected);
}

/* The end of a run and what it lets go are one: a kill in between would keep them for good. Whoever is not at an end
 * is brought there by a later run, with the same copy. */
static void copies_are_kept_for_who_is_between(void **state)
{
	struct scratch *scratch = *state;
	struct move_row row = { .run = begin(scratch),
				.name = "anna",
				.copy = "20261127-031500",
				.state = UPDATE_STATE_MOVED };

	assert_int_equal(row.run, 1);
	add_copy(scratch, &row);
	assert_ok(scratch, moves_enter(scratch->ledger, &row, 10, &scratch->err));
	(void)snprintf(row.name, sizeof(row.name), "ben");
	row.state = UPDATE_STATE_POINTED;
	add_copy(scratch, &row);
	assert_ok(scratch, moves_enter(scratch->ledger, &row, 10, &scratch->err));
	assert_ok(scratch, update_log_end(scratch->ledger, 1, 11, "failed", "", &scratch->err));
	assert_needed(scratch, "anna", "nobody");
	assert_needed(scratch, "ben", "1");
	row.state = UPDATE_STATE_BACK;
	assert_ok(scratch, moves_enter(scratch->ledger, &row, 12, &scratch->err));
	assert_ok(scratch, update_log_end(scratch->ledger, begin(scratch), 13, "current", "",
					  &scratch->err));
	assert_needed(scratch, "ben", "nobody");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_row_and_the_journal_say_the_same),
		TEST(a_person_has_one_row_of_the_last_run),
		TEST(no_other_run_replaces_who_is_between),
		TEST(what_is_between_is_recovered),
		TEST(copies_are_kept_for_who_is_between),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
