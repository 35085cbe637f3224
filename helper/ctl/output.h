/* output.h - text for people: cleaned, aligned, coloured, with relative times.
 *
 * What comes over the wire may quote something a person wrote. It is shown with every
 * character replaced that could steer a terminal or turn the text around.
 */
#ifndef DEVVM_CTL_OUTPUT_H
#define DEVVM_CTL_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

enum output_colour {
	OUTPUT_PLAIN,
	OUTPUT_BOLD,
	OUTPUT_RED,
	OUTPUT_YELLOW,
};

/* A copy of `text` that is safe to show: control characters (C0, DEL, C1) and those
 * that change the direction of text become '?', and without `utf8` so does every
 * character that is not ASCII. NULL when memory is short. */
char *output_clean(const char *text, bool utf8);

/* The columns `text` takes on a terminal: two for wide characters. Independent of the
 * locale. Bytes that are no UTF-8 count one each. */
size_t output_columns(const char *text);

/* The length in bytes of the longest start of `text` that takes at most `columns`. */
size_t output_fit(const char *text, size_t columns);

/* `text` between the codes of `colour`, when `is_on`. */
void output_put(FILE *stream, bool is_on, enum output_colour colour, const char *text);

/* A table. Cells are copied; the last column is not padded. */
#define OUTPUT_MAX_COLUMNS 10
struct output_cell {
	const char *text; /* NULL or "" is shown as "-" */
	enum output_colour colour;
};

struct output_table {
	size_t n_columns;
	bool utf8;
	char **texts; /* row by row, owned; the first row is the headings */
	enum output_colour *colours;
	size_t n_rows;
};

/* Start with `headings`, NULL-terminated, at most OUTPUT_MAX_COLUMNS. */
DV_MUST_CHECK int output_table_init(struct output_table *table, const char *const *headings,
				    bool utf8);
/* Add a row of as many cells as there are headings. -ENOMEM. */
DV_MUST_CHECK int output_table_add(struct output_table *table, const struct output_cell *cells);
void output_table_print(const struct output_table *table, FILE *stream, bool colour);
void output_table_done(struct output_table *table);

#define DV_AUTO_OUTPUT_TABLE DV_CLEANUP(output_table_done)

#endif
