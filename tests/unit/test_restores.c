/* test_restores.c - the restores that are under way. */
#include "scratch.h"

#include "ledger/restores.h"

static void one_is_begun_noted_and_ended(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_RESTORES struct restores begun = { 0 };
	DV_AUTO_RESTORES struct restores noted = { 0 };
	DV_AUTO_RESTORES struct restores ended = { 0 };
	struct restore_row row = { .name = "anna",
				   .id = "20261127-031500",
				   .state = RESTORE_HELD,
				   .began_usec = 7,
				   .was_running = true,
				   .version = "1.0.0" };

	assert_ok(scratch, restores_begin(scratch->ledger, &row, &scratch->err));
	assert_ok(scratch, restores_list(scratch->ledger, &begun, &scratch->err));
	assert_int_equal(begun.n_rows, 1);
	scratch_assert_restore(&begun.rows[0], &row);
	row.state = RESTORE_PLACED;
	assert_ok(scratch, restores_note(scratch->ledger, "anna", RESTORE_PLACED, &scratch->err));
	assert_ok(scratch, restores_list(scratch->ledger, &noted, &scratch->err));
	scratch_assert_restore(&noted.rows[0], &row);
	assert_ok(scratch, restores_end(scratch->ledger, "anna", &scratch->err));
	assert_ok(scratch, restores_list(scratch->ledger, &ended, &scratch->err));
	assert_int_equal(ended.n_rows, 0);
}

static void a_person_has_one(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_RESTORES struct restores restores = { 0 };
	struct restore_row row = { .name = "anna", .id = "20261127-031500" };

	assert_ok(scratch, restores_begin(scratch->ledger, &row, &scratch->err));
	(void)snprintf(row.id, sizeof(row.id), "20261127-040000");
	assert_true(restores_begin(scratch->ledger, &row, &scratch->err) < 0);
	assert_ok(scratch, restores_list(scratch->ledger, &restores, &scratch->err));
	assert_int_equal(restores.n_rows, 1);
	assert_string_equal(restores.rows[0].id, "20261127-031500");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_is_begun_noted_and_ended, scratch_setup_ledger,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(a_person_has_one, scratch_setup_ledger,
						scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
