/* rows.c - see rows.h. */
#include "ctl/rows.h"

#include "base/clock.h"
#include "base/str.h"
#include "ctl/online.h"

struct printer {
	const struct ctl *ctl;
	const struct rows_spec *spec;
	bool as_json;
	struct output_table table;
	uint64_t n_rows;
};

const char *rows_text(const struct record *row, const char *key)
{
	const char *text = record_get(row, key);

	return text ? text : "";
}

int64_t rows_number(const struct record *row, const char *key)
{
	uint64_t value = 0;

	return str_to_uint(rows_text(row, key), INT64_MAX, &value) == 0 ? (int64_t)value : -1;
}

json_t *rows_text_json(const struct record *row, const char *key)
{
	const char *text = rows_text(row, key);

	return *text ? json_string(text) : json_null();
}

json_t *rows_number_json(const struct record *row, const char *key)
{
	int64_t number = rows_number(row, key);

	return number < 0 ? json_null() : json_integer(number);
}

json_t *rows_time_json(const struct record *row, const char *key)
{
	int64_t at_usec = rows_number(row, key);
	char text[32];

	if (at_usec <= 0)
		return json_null();
	clock_format(at_usec, text);
	return json_string(text);
}

static int print_json(const struct printer *printer, const struct record *row)
{
	json_t *json = printer->spec->to_json(row);

	if (!json)
		return -ENOMEM;
	/* A stream that takes no more shows itself when it is flushed. */
	(void)json_dumpf(json, printer->ctl->out, JSON_COMPACT | JSON_PRESERVE_ORDER);
	(void)fputc('\n', printer->ctl->out);
	json_decref(json);
	return 0;
}

static int on_row(const struct record *row, void *context, struct dv_error *err)
{
	struct printer *printer = context;
	const struct rows_spec *spec = printer->spec;
	int r;

	if (!str_equal(record_get(row, "kind"), spec->kind) ||
	    (spec->wants && !spec->wants(spec->context, row)))
		return 0;
	printer->n_rows++;
	r = printer->as_json ? print_json(printer, row)
			     : spec->add_line(&printer->table, row, printer->ctl->utf8);
	return r < 0 ? dv_fail(err, r, "print a %s", spec->kind) : 0;
}

enum ctl_exit rows_run(const struct ctl *ctl, const struct rows_spec *spec, bool as_json)
{
	const struct online_limits limits = { .idle_ms = ONLINE_ANSWER_MS };
	struct printer printer = { .ctl = ctl, .spec = spec, .as_json = as_json };
	struct record_writer request;
	enum ctl_exit exit_status;

	if (output_table_init(&printer.table, spec->headings, ctl->utf8) < 0) {
		ctl_say(ctl, "out of memory");
		return CTL_FAILED;
	}
	proto_begin_request(&request, spec->verb);
	record_add(&request, "user", spec->user);
	exit_status = online_collect(ctl, &request, &limits, on_row, &printer);
	if (exit_status == CTL_OK && !as_json && printer.n_rows > 0)
		output_table_print(&printer.table, ctl->out, ctl->colour);
	else if (exit_status == CTL_OK && !as_json)
		(void)fprintf(ctl->out, "%s\n", spec->none);
	output_table_done(&printer.table);
	return exit_status;
}
