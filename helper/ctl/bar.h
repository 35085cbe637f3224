/* bar.h - one line of progress, drawn in place on a terminal and erased at the end.
 *
 * Uses nothing but carriage return and spaces, so it works on every terminal; between
 * bar_init() and bar_done() the line is this module's.
 */
#ifndef DEVVM_CTL_BAR_H
#define DEVVM_CTL_BAR_H

#include "base/error.h"
#include "ctl/progress.h"
#include "wire/record.h"

#define BAR_TICK_MS 125

struct bar {
	int fd; /* the terminal, borrowed; -1 draws nothing */
	bool utf8;
	size_t n_drawn; /* columns the last line took; 0: nothing is on the screen */
	int64_t started_ms;
	char *words; /* owned */
	struct progress progress;
};

/* `words` (NULL for none) and `hint` are borrowed until bar_done(). */
void bar_init(struct bar *bar, int fd, bool utf8, const char *words, const char *hint);
/* Take over what a `progress` record says. */
void bar_update(struct bar *bar, const struct record *record);
/* Draw the line as it is now. */
void bar_draw(struct bar *bar);
/* Take the line off the screen; bar_draw() brings it back. */
void bar_erase(struct bar *bar);
/* Erase and release. */
void bar_done(struct bar *bar);

#define DV_AUTO_BAR DV_CLEANUP(bar_done)

#endif
