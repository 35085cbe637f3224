/* test_clock.c - deadlines that only shrink, and times as people read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <limits.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define SECOND INT64_C(1000000)
#define NOW (INT64_C(1760000000) * SECOND)

static void time_left_is_within_bounds(void **state DV_UNUSED)
{
	int left_ms = clock_left_ms(clock_deadline_ms(60000));

	assert_in_range(left_ms, 30000, 60000); /* a slow machine, but not that slow */
	assert_int_equal(clock_left_ms(clock_now_ms() - 1), 0);
	assert_int_equal(clock_left_ms(0), 0);
	assert_int_equal(clock_left_ms(INT64_MAX), INT_MAX); /* poll(2) takes an int */
}

static void monotonic_time_does_not_go_back(void **state DV_UNUSED)
{
	int64_t before_ms = clock_now_ms();

	for (int i = 0; i < 1000; i++) {
		int64_t now_ms = clock_now_ms();

		assert_true(now_ms >= before_ms);
		before_ms = now_ms;
	}
}

static void wall_time_is_in_microseconds(void **state DV_UNUSED)
{
	/* between 2020 and 2200: off by a factor of 1,000 it is neither */
	assert_true(clock_wall_usec() > INT64_C(1577836800000000));
	assert_true(clock_wall_usec() < INT64_C(7258118400000000));
}

static void assert_formatted(int64_t wall_usec, const char *expected)
{
	char text[32];

	clock_format(wall_usec, text);
	assert_string_equal(text, expected);
}

static void times_are_rfc_3339_in_utc(void **state DV_UNUSED)
{
	assert_formatted(0, "1970-01-01T00:00:00Z");
	assert_formatted(INT64_C(1769860800999999), "2026-01-31T12:00:00Z");
	assert_formatted(INT64_C(1709164799000000), "2024-02-28T23:59:59Z");
}

static void last_time_there_is_fits(void **state DV_UNUSED)
{
	char text[32];

	clock_format(INT64_MAX, text); /* year 294247: five digits, and they fit */
	assert_string_equal(text, "294247-01-10T04:00:54Z");
}

static void assert_relative(int64_t at_usec, const char *expected)
{
	char text[CLOCK_RELATIVE_BYTES];

	clock_relative(at_usec, NOW, text);
	assert_string_equal(text, expected);
}

static void times_are_relative(void **state DV_UNUSED)
{
	assert_relative(0, "never");
	assert_relative(NOW, "just now");
	assert_relative(NOW - SECOND / 2, "just now");
	assert_relative(NOW - SECOND, "1 s ago");
	assert_relative(NOW - 119 * SECOND, "119 s ago");
	assert_relative(NOW - 120 * SECOND, "2 min ago");
	assert_relative(NOW - 7199 * SECOND, "119 min ago");
	assert_relative(NOW - 7200 * SECOND, "2 h ago");
	assert_relative(NOW - 47 * 3600 * SECOND, "47 h ago");
	assert_relative(NOW - 48 * 3600 * SECOND, "2 d ago");
	assert_relative(NOW + SECOND / 2, "now");
	assert_relative(NOW + 40 * SECOND, "in 40 s");
	assert_relative(NOW + 3600 * SECOND, "in 60 min");
	assert_relative(INT64_MAX, "in 106731620 d");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_left_is_within_bounds),
		cmocka_unit_test(monotonic_time_does_not_go_back),
		cmocka_unit_test(wall_time_is_in_microseconds),
		cmocka_unit_test(times_are_rfc_3339_in_utc),
		cmocka_unit_test(last_time_there_is_fits),
		cmocka_unit_test(times_are_relative),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
