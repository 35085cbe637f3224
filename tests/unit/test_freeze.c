/* test_freeze.c - what freezes, for how long, and what lifts it. */
#include "scratch.h"

#include <unistd.h>

#include "update/freeze.h"

#define HOUR_USEC (INT64_C(3600) * 1000000)

static struct freeze look(struct scratch *scratch)
{
	struct freeze freeze;

	freeze_look(&scratch->env, &freeze);
	return freeze;
}

static void nothing_freezes_nothing(void **state)
{
	assert_false(look(*state).is_frozen);
}

static void what_is_set_is_seen(void **state)
{
	struct scratch *scratch = *state;
	char text[FREEZE_TEXT_BYTES];
	struct freeze freeze;

	scratch_make_folder(scratch, LEDGER_FOLDER, 0711);
	assert_ok(scratch, freeze_set(&scratch->env, "on holiday", SCRATCH_NOW_USEC + 2 * HOUR_USEC,
				      7, &scratch->err));
	freeze = look(scratch);
	assert_true(freeze.is_frozen);
	assert_string_equal(freeze.path, FREEZE_PATH);
	assert_string_equal(freeze.reason, "on holiday");
	assert_int_equal(freeze.run, 7);
	assert_int_equal(freeze.until_usec, SCRATCH_NOW_USEC + 2 * HOUR_USEC);
	freeze_text(&freeze, text);
	assert_string_equal(text, "on holiday, until 2025-10-09T10:53:20Z");
	scratch->env.fixed_usec = SCRATCH_NOW_USEC + 2 * HOUR_USEC;
	assert_false(look(scratch).is_frozen);
	assert_ok(scratch, freeze_set(&scratch->env, "for good", 0, 0, &scratch->err));
	assert_file(scratch, FREEZE_PATH, "reason=for good\n");
	assert_ok(scratch, freeze_lift(&scratch->env, &scratch->err));
	assert_false(look(scratch).is_frozen);
	assert_ok(scratch, freeze_lift(&scratch->env, &scratch->err));
}

static void an_empty_file_by_hand_freezes(void **state)
{
	static const char *const paths[] = { FREEZE_PATH, FREEZE_HAND_PATH };
	struct scratch *scratch = *state;

	for (size_t i = 0; i < DV_COUNT(paths); i++) {
		scratch_write(scratch, paths[i], "", 0644);
		assert_true(look(scratch).is_frozen);
		assert_string_equal(look(scratch).path, paths[i]);
		assert_string_equal(look(scratch).reason, "no reason is given");
		assert_int_equal(look(scratch).until_usec, 0);
		assert_ok(scratch, freeze_lift(&scratch->env, &scratch->err));
		assert_false(look(scratch).is_frozen);
	}
}

static void any_words_are_a_reason(void **state)
{
	struct scratch *scratch = *state;

	scratch_write(scratch, FREEZE_PATH, "wait for emil\nsecond line\n", 0644);
	assert_string_equal(look(scratch).reason, "wait for emil");
	scratch_write(scratch, FREEZE_PATH, "a\x1b[31mb\n", 0644);
	assert_string_equal(look(scratch).reason, "no reason that can be shown");
	scratch_write(scratch, FREEZE_PATH, "reason=x\nuntil=never\nrun=many\n", 0644);
	assert_true(look(scratch).is_frozen);
	assert_int_equal(look(scratch).until_usec, 0);
	assert_int_equal(look(scratch).run, 0);
}

static void what_cannot_be_read_freezes(void **state)
{
	struct scratch *scratch = *state;

	scratch_make_folder(scratch, FREEZE_HAND_PATH, 0755);
	assert_true(look(scratch).is_frozen);
	assert_int_equal(freeze_lift(&scratch->env, &scratch->err), -EBUSY);
	assert_contains(scratch->err.text, "still freezes: remove it");
}

static void a_reason_is_one_line(void **state)
{
	struct scratch *scratch = *state;
	char longest[FREEZE_REASON_MAX + 2];

	scratch_make_folder(scratch, LEDGER_FOLDER, 0711);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(freeze_set(&scratch->env, longest, 0, 0, &scratch->err), -EINVAL);
	assert_int_equal(freeze_set(&scratch->env, "", 0, 0, NULL), -EINVAL);
	assert_int_equal(freeze_set(&scratch->env, "a\nuntil=2020-01-01", 0, 0, NULL), -EINVAL);
	assert_int_equal(freeze_set(&scratch->env, "\xff", 0, 0, NULL), -EINVAL);
	assert_false(scratch_has(scratch, FREEZE_PATH));
	longest[FREEZE_REASON_MAX] = '\0';
	assert_ok(scratch, freeze_set(&scratch->env, longest, 0, 0, &scratch->err));
	assert_string_equal(look(scratch).reason, longest);
}

static void times_are_written_in_several_ways(void **state DV_UNUSED)
{
	static const struct {
		const char *text;
		int64_t usec;
	} good[] = {
		{ "2026-01-31", INT64_C(1769817600000000) },
		{ "2026-01-31T12:00", INT64_C(1769860800000000) },
		{ "2026-01-31T12:00Z", INT64_C(1769860800000000) },
		{ "2026-01-31T12:00:05Z", INT64_C(1769860805000000) },
		{ "+90m", HOUR_USEC * 3 / 2 },
		{ "+12h", HOUR_USEC * 12 },
		{ "+3d", HOUR_USEC * 72 },
	};
	static const char *const bad[] = { "",
					   "tomorrow",
					   "+",
					   "+3",
					   "+3w",
					   "+0h",
					   "+3dd",
					   "3d",
					   "+-3d",
					   "2026-13-01",
					   "2026",
					   "12:00",
					   "2026-01-31T12:00+01:00" };
	int64_t usec = 0;

	for (size_t i = 0; i < DV_COUNT(good); i++) {
		assert_int_equal(freeze_parse_until(good[i].text, 0, &usec, NULL), 0);
		assert_int_equal(usec, good[i].usec);
	}
	for (size_t i = 0; i < DV_COUNT(bad); i++) {
		if (freeze_parse_until(bad[i], 0, &usec, NULL) == 0)
			print_error("%s\n", bad[i]);
		assert_int_equal(freeze_parse_until(bad[i], 0, &usec, NULL), -EINVAL);
	}
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
	const struct CMUnitTest tests[] = {
		TEST(nothing_freezes_nothing),
		TEST(what_is_set_is_seen),
		TEST(an_empty_file_by_hand_freezes),
		TEST(any_words_are_a_reason),
		TEST(what_cannot_be_read_freezes),
		TEST(a_reason_is_one_line),
		cmocka_unit_test(times_are_written_in_several_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
