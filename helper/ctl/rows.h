/* rows.h - a verb whose answer is a list: a table for a reader, or a JSON object a line. */
#ifndef DEVVM_CTL_ROWS_H
#define DEVVM_CTL_ROWS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctl/ctl.h"
#include "ctl/output.h"
#include "wire/proto.h"

struct rows_spec {
	enum proto_verb verb;
	const char *user;	     /* who is asked about; NULL: everybody */
	const char *kind;	     /* of the rows; others are passed over */
	const char *const *headings; /* as of output_table_init() */
	const char *none;	     /* a sentence where there is no row */
	/* One row of the table; -ENOMEM. */
	int (*add_line)(struct output_table *table, const struct record *row, bool utf8);
	json_t *(*to_json)(const struct record *row); /* new; NULL: memory is short */
	/* May be NULL. Whether the row is shown. */
	bool (*wants)(void *context, const struct record *row);
	void *context;
};

DV_MUST_CHECK enum ctl_exit rows_run(const struct ctl *ctl, const struct rows_spec *spec,
				     bool as_json);

/* What a row says: "" and -1 where it says nothing. */
const char *rows_text(const struct record *row, const char *key);
int64_t rows_number(const struct record *row, const char *key);
/* The same as JSON: null where it says nothing; a time of 0 is never. */
json_t *rows_text_json(const struct record *row, const char *key);
json_t *rows_number_json(const struct record *row, const char *key);
json_t *rows_time_json(const struct record *row, const char *key);

#endif
