/* output.c - see output.h. */
#include "ctl/output.h"

#include <string.h>

#include "base/str.h"

/* The character at `at` and its length in bytes; a byte that starts no whole character
 * is a character of its own, U+FFFD. */
static uint32_t decode(const char *at, size_t *ret_n_bytes)
{
	const unsigned char *bytes = (const unsigned char *)at;
	size_t n = bytes[0] < 0xc0 ? 1 : bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;
	uint32_t code;

	if (bytes[0] < 0x80) {
		*ret_n_bytes = 1;
		return bytes[0];
	}
	if (strnlen(at, n) < n || !str_is_utf8(at, n)) {
		*ret_n_bytes = 1;
		return 0xfffd;
	}
	code = bytes[0] & (0x7fU >> n);
	for (size_t i = 1; i < n; i++)
		code = code << 6 | (bytes[i] & 0x3fU);
	*ret_n_bytes = n;
	return code;
}

/* What a terminal could take for an order, and the marks that turn text around
 * (Unicode TR9: explicit embeddings, overrides, isolates). */
static bool is_unsafe(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x061c || code == 0x200e ||
	       code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069);
}

char *output_clean(const char *text, bool utf8)
{
	char *clean = malloc(strlen(text) + 1);
	char *end = clean;

	if (!clean)
		return NULL;
	while (*text) {
		size_t n_bytes = 0;
		uint32_t code = decode(text, &n_bytes);

		if (is_unsafe(code) || (code >= 0x80 && !utf8) || (code == 0xfffd && n_bytes == 1))
			*end++ = '?';
		else
			end = mempcpy(end, text, n_bytes);
		text += n_bytes;
	}
	*end = '\0';
	return clean;
}

/* The blocks of Unicode's EastAsianWidth.txt that are wide, coarsely. */
static size_t columns_of(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} wide[] = {
		{ 0x1100, 0x115f }, { 0x2e80, 0xa4cf },	  { 0xac00, 0xd7a3 },
		{ 0xf900, 0xfaff }, { 0xfe30, 0xfe6f },	  { 0xff00, 0xff60 },
		{ 0xffe0, 0xffe6 }, { 0x1f000, 0x1faff }, { 0x20000, 0x3fffd },
	};

	for (size_t i = 0; i < DV_COUNT(wide); i++) {
		if (code >= wide[i].first && code <= wide[i].last)
			return 2;
	}
	return 1;
}

size_t output_columns(const char *text)
{
	size_t columns = 0;

	while (*text) {
		size_t n_bytes = 0;

		columns += columns_of(decode(text, &n_bytes));
		text += n_bytes;
	}
	return columns;
}

size_t output_fit(const char *text, size_t columns)
{
	size_t n_fit = 0;

	while (text[n_fit]) {
		size_t n_bytes = 0;
		size_t wanted = columns_of(decode(text + n_fit, &n_bytes));

		if (wanted > columns)
			break;
		columns -= wanted;
		n_fit += n_bytes;
	}
	return n_fit;
}

void output_put(FILE *stream, bool is_on, enum output_colour colour, const char *text)
{
	static const char *const codes[] = {
		[OUTPUT_PLAIN] = "",
		[OUTPUT_BOLD] = "\033[1m",
		[OUTPUT_RED] = "\033[31m",
		[OUTPUT_YELLOW] = "\033[33m",
	};
	bool is_coloured = is_on && colour != OUTPUT_PLAIN;

	(void)fprintf(stream, "%s%s%s", is_coloured ? codes[colour] : "", text,
		      is_coloured ? "\033[0m" : "");
}

int output_table_init(struct output_table *table, const char *const *headings, bool utf8)
{
	struct output_cell cells[OUTPUT_MAX_COLUMNS];

	*table = (struct output_table){ .utf8 = utf8 };
	while (table->n_columns < OUTPUT_MAX_COLUMNS && headings[table->n_columns]) {
		cells[table->n_columns] =
			(struct output_cell){ headings[table->n_columns], OUTPUT_BOLD };
		table->n_columns++;
	}
	return output_table_add(table, cells);
}

int output_table_add(struct output_table *table, const struct output_cell *cells)
{
	size_t at = table->n_rows * table->n_columns;
	char **texts = reallocarray(table->texts, at + table->n_columns, sizeof(*texts));
	enum output_colour *colours;

	if (!texts)
		return -ENOMEM;
	table->texts = texts;
	memset(texts + at, 0, table->n_columns * sizeof(*texts));
	colours = reallocarray(table->colours, at + table->n_columns, sizeof(*colours));
	if (!colours)
		return -ENOMEM;
	table->colours = colours;
	table->n_rows++;
	for (size_t i = 0; i < table->n_columns; i++) {
		bool is_empty = !cells[i].text || !*cells[i].text;

		colours[at + i] = is_empty ? OUTPUT_PLAIN : cells[i].colour;
		texts[at + i] = output_clean(is_empty ? "-" : cells[i].text, table->utf8);
		if (!texts[at + i])
			return -ENOMEM;
	}
	return 0;
}

void output_table_print(const struct output_table *table, FILE *stream, bool colour)
{
	size_t widths[OUTPUT_MAX_COLUMNS] = { 0 };

	for (size_t i = 0; i < table->n_rows * table->n_columns; i++) {
		size_t columns = output_columns(table->texts[i]);

		if (columns > widths[i % table->n_columns])
			widths[i % table->n_columns] = columns;
	}
	for (size_t i = 0; i < table->n_rows * table->n_columns; i++) {
		size_t column = i % table->n_columns;
		bool is_last = column + 1 == table->n_columns;
		size_t padding = widths[column] - output_columns(table->texts[i]) + 2;

		output_put(stream, colour, table->colours[i], table->texts[i]);
		if (is_last)
			(void)fputc('\n', stream);
		else
			(void)fprintf(stream, "%*s", (int)padding, "");
	}
}

void output_table_done(struct output_table *table)
{
	for (size_t i = 0; i < table->n_rows * table->n_columns; i++)
		free(table->texts[i]);
	free(table->texts);
	free(table->colours);
	*table = (struct output_table){ 0 };
}
