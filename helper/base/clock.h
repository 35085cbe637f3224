/* clock.h - deadlines and wall time.
 *
 * A deadline is an absolute point on CLOCK_MONOTONIC in milliseconds: it is
 * made once, at the top, and handed down, so that ten waits in a row cannot add
 * up to more than the caller allowed.
 */
#ifndef DEVVM_BASE_CLOCK_H
#define DEVVM_BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds on CLOCK_MONOTONIC. */
int64_t clock_now_ms(void);

/* The deadline `ms` milliseconds from now. */
int64_t clock_deadline_ms(int64_t ms);

/* Milliseconds left until `deadline_ms`, 0 when it has passed; fits poll(2). */
int clock_left_ms(int64_t deadline_ms);

/* Wall time in microseconds since the epoch. */
int64_t clock_wall_usec(void);

/* Write `wall_usec` as RFC 3339 in UTC with seconds ("2026-01-31T12:00:00Z"). */
void clock_format(int64_t wall_usec, char ret_text[static 32]);

/* "just now", "12 s ago", "5 min ago", "3 h ago", "2 d ago", "in 40 s"; "never" for 0. */
#define CLOCK_RELATIVE_BYTES 32
void clock_relative(int64_t at_usec, int64_t now_usec, char ret_text[static CLOCK_RELATIVE_BYTES]);

#endif
