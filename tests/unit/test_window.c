/* test_window.c - the part of the day in which the timer's run may begin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "update/window.h"

static void a_window_of_the_night(void **state DV_UNUSED)
{
	static const struct config_window window = { .first = 180, .last = 270 };
	char text[WINDOW_TEXT_BYTES];

	assert_int_equal(window_minutes(&window), 90);
	assert_false(window_has(&window, 179));
	assert_true(window_has(&window, 180));
	assert_true(window_has(&window, 270 + WINDOW_SLACK_MINUTES));
	assert_false(window_has(&window, 271 + WINDOW_SLACK_MINUTES));
	assert_false(window_has(&window, 720));
	window_text(&window, text);
	assert_string_equal(text, "03:00-04:30");
}

static void one_past_midnight(void **state DV_UNUSED)
{
	static const struct config_window window = { .first = 1380, .last = 60 };

	assert_int_equal(window_minutes(&window), 120);
	assert_true(window_has(&window, 1380));
	assert_true(window_has(&window, 0));
	assert_true(window_has(&window, 60));
	assert_false(window_has(&window, 120));
	assert_false(window_has(&window, 1379));
}

static void the_clock_of_this_place(void **state DV_UNUSED)
{
	/* 2026-01-31 23:59:59 UTC, a second before another day and month. */
	const int64_t late_usec = INT64_C(1769903999) * 1000000;

	assert_int_equal(setenv("TZ", "UTC0", 1), 0);
	tzset();
	assert_int_equal(window_minute_at(0), 0);
	assert_int_equal(window_minute_at(late_usec), 1439);
	assert_int_equal(window_minute_at(late_usec + 1000000), 0);
	assert_int_equal(setenv("TZ", "EAST-5:30", 1), 0);
	tzset();
	assert_int_equal(window_minute_at(0), 330);
	assert_int_equal(window_minute_at(late_usec), 329);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_window_of_the_night),
		cmocka_unit_test(one_past_midnight),
		cmocka_unit_test(the_clock_of_this_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
