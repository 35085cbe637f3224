/* window.c - see window.h. */
#include "update/window.h"

#define DAY_MINUTES 1440U

unsigned int window_minutes(const struct config_window *window)
{
	return (window->last + DAY_MINUTES - window->first) % DAY_MINUTES;
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
