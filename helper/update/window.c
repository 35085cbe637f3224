/* window.c - see window.h. */
#include "update/window.h"

#include <time.h>

#define DAY_MINUTES 1440U

unsigned int window_minutes(const struct config_window *window)
{
	return (window->last + DAY_MINUTES - window->first) % DAY_MINUTES;
}

/* localtime_r(3) refuses years that are no int; an int64_t of microseconds ends long before. */
unsigned int window_minute_at(int64_t wall_usec)
{
	time_t now = (time_t)(wall_usec / 1000000);
	struct tm tm = { 0 };

	(void)localtime_r(&now, &tm);
	return (unsigned int)(tm.tm_hour * 60 + tm.tm_min);
}

bool window_has(const struct config_window *window, unsigned int minute)
{
	return (minute + DAY_MINUTES - window->first) % DAY_MINUTES <=
	       window_minutes(window) + WINDOW_SLACK_MINUTES;
}

void window_text(const struct config_window *window, char ret_text[static WINDOW_TEXT_BYTES])
{
	(void)snprintf(ret_text, WINDOW_TEXT_BYTES, "%02u:%02u-%02u:%02u", window->first / 60 % 24,
		       window->first % 60, window->last / 60 % 24, window->last % 60);
}
