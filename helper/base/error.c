/* error.c - see error.h. Text is cut at the buffer's end and never holds a
 * newline, so that one failure stays one line wherever it is printed. */
#include "base/error.h"

#include <stdarg.h>
#include <string.h>

static void make_one_line(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++) {
		if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f) /* C1, see str_has_control() */
			c[0] = c[1] = ' ';
		else if (*c < ' ' || *c == 0x7f)
			*c = ' ';
	}
}

int dv_fail(struct dv_error *err, int r, const char *format, ...)
{
	char what[ERROR_MAX_BYTES];
	va_list args;

	if (!err)
		return r;
	va_start(args, format);
	(void)vsnprintf(what, sizeof(what), format, args); /* a cut sentence is still a sentence */
	va_end(args);
	(void)snprintf(err->text, sizeof(err->text), "%.400s: %.100s", what, strerror(-r));
	make_one_line(err->text);
	return r;
}

int dv_refuse(struct dv_error *err, int r, const char *format, ...)
{
	va_list args;

	if (!err)
		return r;
	va_start(args, format);
	(void)vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	make_one_line(err->text);
	return r;
}

int dv_prefix(struct dv_error *err, int r, const char *format, ...)
{
	struct dv_error inner;
	char prefix[ERROR_MAX_BYTES];
	va_list args;

	if (!err)
		return r;
	inner = *err;
	va_start(args, format);
	(void)vsnprintf(prefix, sizeof(prefix), format, args);
	va_end(args);
	(void)snprintf(err->text, sizeof(err->text), "%.200s: %.300s", prefix, inner.text);
	make_one_line(err->text);
	return r;
}
