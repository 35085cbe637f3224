/* clock.c - see clock.h. */
#include "base/clock.h"

#include <limits.h>
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
