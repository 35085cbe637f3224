/* test_progress.c - the line of the bar, column by column. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "ctl/output.h"
#include "ctl/progress.h"

#define HINT "(Ctrl-C: go on)"

static const struct progress THIRD = {
	.words = "cloning repositories",
	.hint = HINT,
	.n = 3,
	.of = 7,
	.elapsed_ms = 12345,
};

static void assert_line(const struct progress *progress, unsigned int columns, bool utf8,
			const char *expected)
{
	char line[PROGRESS_LINE_BYTES];
	size_t n = progress_render(progress, columns, utf8, line);

	assert_string_equal(line, expected);
	assert_int_equal(n, output_columns(line));
}

static void wide_terminal_shows_everything(void **state DV_UNUSED)
{
	assert_line(&THIRD, 80, false,
		    "[#######.............] 3/7 cloning repositories 12 s  " HINT);
	assert_line(&THIRD, 80, true,
		    "\u2588\u2588\u2588\u2588\u2588\u2588\u2588"
		    "\u2591\u2591\u2591\u2591\u2591\u2591\u2591\u2591\u2591\u2591\u2591\u2591\u2591"
		    " 3/7 cloning repositories 12 s  " HINT);
}

static void narrower_ones_show_less(void **state DV_UNUSED)
{
	assert_line(&THIRD, 64, false, "[#######.............] 3/7 cloning rep... 12 s  " HINT);
	assert_line(&THIRD, 60, false, "[#######.............] 3/7 cloning repositories 12 s");
	assert_line(&THIRD, 50, false, "[###.......] 3/7 cloning repositories 12 s");
	assert_line(&THIRD, 40, false, "[###.......] 3/7 cloning reposi... 12 s");
	assert_line(&THIRD, 39, false, "| 3/7 cloning repositories 12 s");
	assert_line(&THIRD, 20, false, "| 3/7 cloni... 12 s");
	assert_line(&THIRD, 20, true, "| 3/7 cloning\u2026 12 s");
}

static void tiny_and_huge_terminals_are_clamped(void **state DV_UNUSED)
{
	struct progress endless = THIRD;
	char line[PROGRESS_LINE_BYTES];
	char words[2000];

	assert_line(&THIRD, 0, false, "| 3/7 cloni... 12 s");
	assert_line(&THIRD, 5, false, "| 3/7 cloni... 12 s");
	memset(words, 'w', sizeof(words) - 1);
	words[sizeof(words) - 1] = '\0';
	endless.words = words;
	assert_int_equal(progress_render(&endless, 100000, true, line), PROGRESS_MAX_COLUMNS - 1);
}

static void unknown_length_moves_to_and_fro(void **state DV_UNUSED)
{
	struct progress moving = { .words = "claude", .elapsed_ms = 900 };

	assert_line(&moving, 40, false, "[###.......] claude 0 s");
	moving.tick = 7;
	assert_line(&moving, 40, false, "[.......###] claude 0 s");
	moving.tick = 8;
	assert_line(&moving, 40, false, "[......###.] claude 0 s");
	moving.tick = 14;
	assert_line(&moving, 40, false, "[###.......] claude 0 s");
	moving.tick = 5;
	assert_line(&moving, 30, false, "/ claude 0 s");
}

static void counts_stay_within_bounds(void **state DV_UNUSED)
{
	struct progress progress = { .words = "x", .n = 9, .of = 3 };

	assert_line(&progress, 40, false, "[########..] 3/3 x 0 s");
	progress = (struct progress){ .words = "x", .n = 0, .of = 3 };
	assert_line(&progress, 40, false, "[..........] 0/3 x 0 s");
	/* bytes of a download */
	progress = (struct progress){ .words = "x", .n = 123456789, .of = 380000000 };
	assert_line(&progress, 40, false, "[###.......] 32% x 0 s");
	progress =
		(struct progress){ .words = "x", .n = UINT64_C(1) << 48, .of = UINT64_C(1) << 48 };
	assert_line(&progress, 60, false, "[###################.] 100% x 0 s");
}

static void long_waits_show_minutes(void **state DV_UNUSED)
{
	struct progress progress = { .words = "x", .elapsed_ms = 59999 };

	assert_line(&progress, 40, false, "[###.......] x 59 s");
	progress.elapsed_ms = 60000;
	assert_line(&progress, 40, false, "[###.......] x 1:00");
	progress.elapsed_ms = 3661000;
	assert_line(&progress, 40, false, "[###.......] x 61:01");
}

static void wide_characters_never_wrap(void **state DV_UNUSED)
{
	const struct progress wide = {
		.words = "\u65e5\u672c\u8a9e\u65e5\u672c\u8a9e\u65e5\u672c\u8a9e\u65e5\u672c\u8a9e",
		.hint = HINT,
		.n = 1,
		.of = 2,
		.elapsed_ms = 3600000,
	};
	char line[PROGRESS_LINE_BYTES];

	for (unsigned int columns = PROGRESS_MIN_COLUMNS; columns <= 2 * PROGRESS_MAX_COLUMNS;
	     columns++) {
		size_t n = progress_render(&wide, columns, true, line);

		if (n >= columns)
			fail_msg("%zu columns on a terminal of %u: %s", n, columns, line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wide_terminal_shows_everything),
		cmocka_unit_test(narrower_ones_show_less),
		cmocka_unit_test(tiny_and_huge_terminals_are_clamped),
		cmocka_unit_test(unknown_length_moves_to_and_fro),
		cmocka_unit_test(counts_stay_within_bounds),
		cmocka_unit_test(long_waits_show_minutes),
		cmocka_unit_test(wide_characters_never_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
