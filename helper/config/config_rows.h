/* config_rows.h - a section of devvm.yaml that is a map of names, each with fields of its own.
 *
 * What rows of one kind look like is a table; the rows are an array of structs, in which a name that is
 * there already (a default) is filled in further and a new one is added behind.
 */
#ifndef DEVVM_CONFIG_CONFIG_ROWS_H
#define DEVVM_CONFIG_CONFIG_ROWS_H

#include <stddef.h>

#include "config/config_values.h"

#define CONFIG_ROW_NAME_MAX 40 /* bytes: a-z, 0-9 and -, a letter first */

/* What each row's struct begins with. */
struct config_row {
	char *name;
	unsigned int line; /* of the file; 0: a default that the file does not name */
};

struct config_row_field {
	const char *key;
	config_value_reader *read;
	struct config_limits limits;
	size_t offset;
	size_t offset_n; /* lists only: of the count */
};

struct config_row_kind {
	const char *section;
	size_t n_bytes; /* of a row */
	size_t max_rows;
	const struct config_row_field *fields;
	size_t n_fields;
	/* Set the defaults of a new row, zeroed but for its name; -ENOMEM. */
	int (*init)(void *row);
	/* Release everything of a row but its name. */
	void (*done)(void *row);
};

/* Add a row with its defaults. NULL when memory is short; else borrowed, until the next is added. */
void *config_rows_add(const struct config_row_kind *kind, void **rows, size_t *n_rows,
		      const char *name);
/* Read the section into the rows. -EINVAL, -ENOMEM with the sentence. */
DV_MUST_CHECK int config_rows_read(const struct config_place *place,
				   const struct config_row_kind *kind, void **rows, size_t *n_rows);
void config_rows_done(const struct config_row_kind *kind, void **rows, size_t *n_rows);

/* Readers for fields of rows. */
config_value_reader config_read_token; /* char *: letters, digits and / . _ @ + -, without .. */
config_value_reader config_read_place; /* char *: an absolute path for root to write: plain, and
					* not inside homes, /proc, /sys or /dev */
/* Whether `path` is absolute and written in one way only: no "//", "/./", "/../" and no "/" at the end. */
bool config_is_plain_path(const char *path);
/* The same, and not inside homes, /proc, /sys or /dev. */
bool config_is_place(const char *path);

#endif
