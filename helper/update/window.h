/* window.h - whether a moment lies in the part of the day in which the timer may begin a run. Pure, but
 * for the time zone of the machine.
 *
 * A timer that slept through its time fires when the machine wakes up: at noon. So the run looks
 * once more.
 */
#ifndef DEVVM_UPDATE_WINDOW_H
#define DEVVM_UPDATE_WINDOW_H

#include "config/config.h"

#define WINDOW_SLACK_MINUTES 15 /* behind the end: a timer is not exact */

unsigned int window_minutes(const struct config_window *window);
/* The minute of the day, 0 to 1439, that it is here at `wall_usec`, in microseconds since the epoch. */
unsigned int window_minute_at(int64_t wall_usec);
/* `minute` of the day, 0 to 1439. */
bool window_has(const struct config_window *window, unsigned int minute);
/* "03:00-04:30" */
#define WINDOW_TEXT_BYTES 16
void window_text(const struct config_window *window, char ret_text[static WINDOW_TEXT_BYTES]);

#endif
