/* progress.c - see progress.h.
 *
 * "[####......] 3/7 cloning repositories 12 s  (Ctrl-C: go on)": when there is too little
 * room the words are cut first, then the hint is left out, then the bar.
 */
#include "ctl/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/output.h"

#define WIDE_COLUMNS 60	  /* from here on a long bar */
#define NARROW_COLUMNS 40 /* below, one turning character instead of a bar */
#define LONG_BAR 20
#define SHORT_BAR 10
#define MOVING_CELLS 3
#define MIN_WORDS 12 /* columns the words get before a hint is shown */

/* A line being written; what does not fit the buffer is left out. */
struct line {
	char *bytes;
	size_t n_bytes;
};

static void put(struct line *line, const char *text, size_t n_bytes)
{
	if (n_bytes >= PROGRESS_LINE_BYTES - line->n_bytes)
		return;
	memcpy(line->bytes + line->n_bytes, text, n_bytes);
	line->n_bytes += n_bytes;
	line->bytes[line->n_bytes] = '\0';
}

static void put_text(struct line *line, const char *text)
{
	put(line, text, strlen(text));
}

/* Cell `i` of `n_cells`: filled up to the middle of the n-th of `of` (the n-th is being done,
 * and a full bar would say that all is), or the block that wanders to and fro. */
static bool is_filled(const struct progress *progress, uint64_t n_done, unsigned int i,
		      unsigned int n_cells)
{
	unsigned int n_places = n_cells - MOVING_CELLS;
	unsigned int at = progress->tick % (2 * n_places);

	if (progress->of > 0)
		return n_done > 0 && i < (2 * n_done - 1) * n_cells / (2 * progress->of);
	if (at > n_places)
		at = 2 * n_places - at;
	return i >= at && i < at + MOVING_CELLS;
}

static void put_bar(struct line *line, const struct progress *progress, uint64_t n_done,
		    unsigned int n_cells, bool utf8)
{
	const char *filled = utf8 ? "\u2588" : "#";
	const char *empty = utf8 ? "\u2591" : ".";

	put_text(line, utf8 ? "" : "[");
	for (unsigned int i = 0; i < n_cells; i++)
		put_text(line, is_filled(progress, n_done, i, n_cells) ? filled : empty);
	put_text(line, utf8 ? " " : "] ");
}

static void format_count(const struct progress *progress, uint64_t n_done, char ret_text[static 32])
{
	ret_text[0] = '\0';
	if (progress->of > 999) /* bytes, most likely: more digits than anybody reads */
		(void)snprintf(ret_text, 32, "%" PRIu64 "%% ",
			       (uint64_t)((double)n_done / (double)progress->of * 100));
	else if (progress->of > 0)
		(void)snprintf(ret_text, 32, "%" PRIu64 "/%" PRIu64 " ", n_done, progress->of);
}

static void format_elapsed(int64_t elapsed_ms, char ret_text[static 32])
{
	int64_t seconds = elapsed_ms / 1000;

	if (seconds < 60)
		(void)snprintf(ret_text, 32, " %" PRId64 " s", seconds);
	else
		(void)snprintf(ret_text, 32, " %" PRId64 ":%02" PRId64, seconds / 60, seconds % 60);
}

/* The words, or as many as fit and a mark that some are missing. */
static void put_words(struct line *line, const char *words, size_t columns, bool utf8)
{
	const char *mark = utf8 ? "\u2026" : "...";
	size_t mark_columns = output_columns(mark);
	bool is_cut = output_columns(words) > columns;

	if (is_cut && columns <= mark_columns)
		return;
	put(line, words, output_fit(words, is_cut ? columns - mark_columns : columns));
	if (is_cut)
		put_text(line, mark);
}

size_t progress_render(const struct progress *progress, unsigned int columns, bool utf8,
		       char ret_line[static PROGRESS_LINE_BYTES])
{
	static const char spinner[] = "|/-\\";
	uint64_t n_done = progress->n < progress->of ? progress->n : progress->of;
	struct line line = { .bytes = ret_line };
	char count[32], elapsed[32];
	size_t used, room;
	bool has_hint;

	if (columns < PROGRESS_MIN_COLUMNS)
		columns = PROGRESS_MIN_COLUMNS;
	if (columns > PROGRESS_MAX_COLUMNS)
		columns = PROGRESS_MAX_COLUMNS;
	ret_line[0] = '\0';
	format_count(progress, n_done, count);
	format_elapsed(progress->elapsed_ms, elapsed);

	if (columns < NARROW_COLUMNS) {
		put(&line, &spinner[progress->tick % 4], 1);
		put_text(&line, " ");
	} else {
		put_bar(&line, progress, n_done, columns < WIDE_COLUMNS ? SHORT_BAR : LONG_BAR,
			utf8);
	}
	put_text(&line, count);
	used = output_columns(ret_line) + strlen(elapsed);
	room = columns - 1 > used ? columns - 1 - used : 0;
	has_hint = progress->hint && room >= strlen(progress->hint) + 2 + MIN_WORDS;
	if (has_hint)
		room -= strlen(progress->hint) + 2;
	put_words(&line, progress->words, room, utf8);
	put_text(&line, elapsed);
	if (has_hint) {
		put_text(&line, "  ");
		put_text(&line, progress->hint);
	}
	return output_columns(ret_line);
}
