/* progress.h - the line that shows how far a preparation is. Pure: a state in, a line
 * out; bar.c puts it on a terminal. */
#ifndef DEVVM_CTL_PROGRESS_H
#define DEVVM_CTL_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRESS_MIN_COLUMNS 20
#define PROGRESS_MAX_COLUMNS 160
#define PROGRESS_LINE_BYTES (4 * PROGRESS_MAX_COLUMNS + 1)

struct progress {
	const char *words; /* what is being done; clean (output.h) */
	const char *hint;  /* shown at the end when there is room; NULL for none */
	uint64_t n, of;	   /* n of `of`; `of` 0: how much there is is not known */
	unsigned int tick; /* moves the indicator when `of` is 0 */
	int64_t elapsed_ms;
};

/* Write the line for a terminal of `columns`, taken as at least PROGRESS_MIN_COLUMNS. It
 * takes at most columns - 1, so that no terminal wraps it. Returns the columns it takes. */
size_t progress_render(const struct progress *progress, unsigned int columns, bool utf8,
		       char ret_line[static PROGRESS_LINE_BYTES]);

#endif
