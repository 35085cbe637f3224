/* bar.c - see bar.h. */
#include "ctl/bar.h"

#include <string.h>
#include <sys/ioctl.h>

#include "base/clock.h"
#include "base/str.h"
#include "ctl/output.h"

#define DEFAULT_COLUMNS 80
#define MAX_COUNT (UINT64_C(1) << 48) /* n and of: the sums over them stay in range */

static unsigned int columns_of(int fd)
{
	struct winsize size = { 0 };

	/* A terminal that does not know its size says 0. */
	if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return DEFAULT_COLUMNS;
	return size.ws_col;
}

/* One write(2), so that no other program's output comes between. A line that is not
 * written is made good by the next one. */
static void write_line(const struct bar *bar, const char *text, size_t n_bytes)
{
	if (write(bar->fd, text, n_bytes) < 0)
		return;
}

void bar_init(struct bar *bar, int fd, bool utf8, const char *words, const char *hint)
{
	*bar = (struct bar){
		.fd = fd,
		.utf8 = utf8,
		.started_ms = clock_now_ms(),
		.progress = { .words = words ? words : "", .hint = hint },
	};
}

static uint64_t number_of(const struct record *record, const char *key)
{
	const char *text = record_get(record, key);
	uint64_t value = 0;

	/* Anything but a number is as good as none: the bar then only moves. */
	return text && str_to_uint(text, MAX_COUNT, &value) == 0 ? value : 0;
}

void bar_update(struct bar *bar, const struct record *record)
{
	const char *words = record_get(record, "text");
	DV_AUTO_FREE char *clean = NULL;
	char *old = bar->words;

	if (!words || !*words)
		words = record_get(record, "step");
	clean = output_clean(words ? words : "", bar->utf8);
	if (!clean)
		return; /* the words before are still roughly right */
	bar->words = DV_TAKE_PTR(clean);
	free(old);
	bar->progress.words = bar->words;
	bar->progress.n = number_of(record, "n");
	bar->progress.of = number_of(record, "of");
}

void bar_draw(struct bar *bar)
{
	char line[PROGRESS_LINE_BYTES];
	char out[PROGRESS_LINE_BYTES + PROGRESS_MAX_COLUMNS + 2];
	size_t n_columns;
	int n_padding;
	int n;

	if (bar->fd < 0)
		return;
	bar->progress.elapsed_ms = clock_now_ms() - bar->started_ms;
	bar->progress.tick = (unsigned int)(bar->progress.elapsed_ms / BAR_TICK_MS);
	n_columns = progress_render(&bar->progress, columns_of(bar->fd), bar->utf8, line);
	n_padding = n_columns < bar->n_drawn ? (int)(bar->n_drawn - n_columns) : 0;
	n = snprintf(out, sizeof(out), "\r%s%*s", line, n_padding, "");
	write_line(bar, out, (size_t)n); /* fits: line, padding, "\r" and NUL */
	bar->n_drawn = n_columns;
}

void bar_erase(struct bar *bar)
{
	char out[PROGRESS_MAX_COLUMNS + 3];
	int n;

	if (bar->fd < 0 || bar->n_drawn == 0)
		return;
	n = snprintf(out, sizeof(out), "\r%*s\r", (int)bar->n_drawn, "");
	write_line(bar, out, (size_t)n);
	bar->n_drawn = 0;
}

void bar_done(struct bar *bar)
{
	bar_erase(bar);
	free(bar->words);
	bar->words = NULL;
	bar->progress.words = "";
}
