/* clock.c - see clock.h. */
#include "base/clock.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

static int64_t read_clock_usec(clockid_t id)
{
	struct timespec now = { 0 };

	/* Cannot fail for these ids on Linux (clock_gettime(2)). */
	(void)clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_now_ms(void)
{
	return read_clock_usec(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_deadline_ms(int64_t ms)
{
	return clock_now_ms() + ms;
}

int clock_left_ms(int64_t deadline_ms)
{
	int64_t left_ms = deadline_ms - clock_now_ms();

	if (left_ms < 0)
		return 0;
	return left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}

int64_t clock_wall_usec(void)
{
	return read_clock_usec(CLOCK_REALTIME);
}

void clock_format(int64_t wall_usec, char ret_text[static 32])
{
	time_t seconds = (time_t)(wall_usec / 1000000);
	struct tm utc = { 0 };

	if (!gmtime_r(&seconds, &utc) || !strftime(ret_text, 32, "%Y-%m-%dT%H:%M:%SZ", &utc))
		(void)snprintf(ret_text, 32, "?");
}

void clock_relative(int64_t at_usec, int64_t now_usec, char ret_text[static CLOCK_RELATIVE_BYTES])
{
	bool is_past = at_usec <= now_usec;
	int64_t seconds = (is_past ? now_usec - at_usec : at_usec - now_usec) / 1000000;
	const char *unit = "s";
	int64_t n = seconds;

	if (at_usec == 0 || seconds == 0) {
		(void)snprintf(ret_text, CLOCK_RELATIVE_BYTES, "%s",
			       at_usec == 0 ? "never"
			       : is_past    ? "just now"
					    : "now");
		return;
	}
	if (seconds >= 48 * 3600) {
		n = seconds / 86400;
		unit = "d";
	} else if (seconds >= 2 * 3600) {
		n = seconds / 3600;
		unit = "h";
	} else if (seconds >= 120) {
		n = seconds / 60;
		unit = "min";
	}
	(void)snprintf(ret_text, CLOCK_RELATIVE_BYTES, "%s%" PRId64 " %s%s", is_past ? "" : "in ",
		       n, unit, is_past ? " ago" : "");
}
