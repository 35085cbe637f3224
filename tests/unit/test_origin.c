/* test_origin.c - which t3 a copy belongs to, and when a restore goes back to it. */
#include "scratch.h"

#include "ledger/gates.h"
#include "ledger/known_bad.h"
#include "ledger/moves.h"
#include "ledger/origin.h"

#define ID "20261127-031500"
#define OLD "1.0.0"
#define NEW "1.1.0"

static void add_copy(struct scratch *scratch, const char *id, const char *version, int64_t level)
{
	struct backups_row row = {
		.name = (char *)"anna", .reason = (char *)"daily", .is_ok = true, .level = level
	};

	(void)snprintf(row.id, sizeof(row.id), "%s", id);
	(void)snprintf(row.version, sizeof(row.version), "%s", version);
	assert_ok(scratch, backups_add(scratch->ledger, &row, &scratch->err));
}

static void add_move(struct scratch *scratch)
{
	struct move_row row = { .name = "anna",
				.from = OLD,
				.to = NEW,
				.state = UPDATE_STATE_STAYED,
				.copy = ID,
				.level = 30 };

	assert_ok(scratch,
		  update_log_begin(scratch->ledger, 1, OLD, "boot", &row.run, &scratch->err));
	assert_ok(scratch, moves_enter(scratch->ledger, &row, 10, &scratch->err));
}

static void pass_gate(struct scratch *scratch, const char *version, uint32_t level)
{
	const struct gates_row row = { .version = version,
				       .seed = "_synthetic",
				       .outcome = "passed",
				       .failed_check = "",
				       .text = "",
				       .to_level = level };

	assert_ok(scratch, gates_add(scratch->ledger, &row, &scratch->err));
}

static struct origin find(struct scratch *scratch, const char *id, const char *own)
{
	struct origin origin = { 0 };

	assert_ok(scratch, origin_find(scratch->ledger, "anna", id, own, &origin, &scratch->err));
	return origin;
}

static void a_copy_says_its_version(void **state)
{
	struct scratch *scratch = *state;
	struct origin origin;

	add_copy(scratch, ID, OLD, 30);
	origin = find(scratch, ID, NEW);
	assert_string_equal(origin.version, OLD);
	assert_string_equal(origin.own, NEW);
	assert_int_equal(origin.level, 30);
	assert_false(origin.is_bad);
	assert_false(origin.own_is_bad);
	assert_true(origin.own_level == ORIGIN_NO_LEVEL);
	origin = find(scratch, "20261128-031500", NEW);
	assert_string_equal(origin.version, "");
	assert_false(origin_leads_back(&origin, 32));
}

static void for_one_from_before_their_move_does(void **state)
{
	struct scratch *scratch = *state;
	struct origin origin;

	add_copy(scratch, ID, "", 30);
	add_copy(scratch, "20261126-031500", "", 30);
	add_move(scratch);
	origin = find(scratch, ID, NEW);
	assert_string_equal(origin.version, OLD);
	origin = find(scratch, "20261126-031500", NEW);
	assert_string_equal(origin.version, "");
	assert_false(origin_asks_level(&origin));
	assert_false(origin_leads_back(&origin, 32));
}

static void what_a_gate_has_seen_decides(void **state)
{
	struct scratch *scratch = *state;
	struct origin origin;

	add_copy(scratch, ID, OLD, 30);
	pass_gate(scratch, NEW, 32);
	origin = find(scratch, ID, NEW);
	assert_int_equal(origin.own_level, 32);
	assert_false(origin_asks_level(&origin));
	assert_true(origin_leads_back(&origin, 30));
	/* It reads the copy as it is. */
	origin.level = 32;
	assert_false(origin_leads_back(&origin, 30));
	/* And does not read one of a newer t3. */
	origin.level = 33;
	assert_true(origin_leads_back(&origin, 32));
	origin = find(scratch, ID, OLD);
	assert_false(origin_leads_back(&origin, 32));
}

static void without_a_gate_the_database_that_is_there_does(void **state)
{
	struct scratch *scratch = *state;
	struct origin origin;

	add_copy(scratch, ID, OLD, 30);
	origin = find(scratch, ID, NEW);
	assert_true(origin_asks_level(&origin));
	assert_false(origin_leads_back(&origin, 30));
	assert_true(origin_leads_back(&origin, 32));
	assert_true(origin_leads_back(&origin, ORIGIN_NO_LEVEL));
	/* Who has none gets the one that made the copy. */
	origin = find(scratch, ID, "");
	assert_true(origin_leads_back(&origin, ORIGIN_NO_LEVEL));
}

static void from_a_bad_one_it_always_leads_back(void **state)
{
	struct scratch *scratch = *state;
	struct origin origin;

	add_copy(scratch, ID, OLD, 30);
	pass_gate(scratch, NEW, 30);
	assert_ok(scratch, known_bad_add(scratch->ledger, NEW, 1, 0, "why", &scratch->err));
	origin = find(scratch, ID, NEW);
	assert_true(origin.own_is_bad);
	assert_false(origin_asks_level(&origin));
	assert_true(origin_leads_back(&origin, 30));
	add_copy(scratch, "20261128-031500", NEW, 30);
	origin = find(scratch, "20261128-031500", OLD);
	assert_true(origin.is_bad);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_copy_says_its_version),
		TEST(for_one_from_before_their_move_does),
		TEST(what_a_gate_has_seen_decides),
		TEST(without_a_gate_the_database_that_is_there_does),
		TEST(from_a_bad_one_it_always_leads_back),
	};

	return cmocka_run_group_tests_name("origin", tests, NULL, NULL);
}
