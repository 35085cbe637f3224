/* cmd_mirrors.c - `devvmctl mirrors [--all] [--json]`: what the runs of each mirror counted. */
#include "ctl/cmd_mirrors.h"

#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>

#include "base/clock.h"
#include "base/str.h"
#include "ctl/commands.h"
#include "ctl/online.h"
#include "ctl/output.h"

#define NAME_BYTES 64

/* In the order of the columns. */
static const char *const COUNTS[] = { "checked", "copied", "deleted", "errors", "bytes" };

struct printer {
	const struct ctl *ctl;
	bool as_json, all;
	struct output_table table;
	char last[NAME_BYTES]; /* the mirror of the row before */
	uint64_t n_rows;
};

static int64_t number_of(const struct record *row, const char *key)
{
	const char *text = record_get(row, key);
	uint64_t value = 0;

	return text && str_to_uint(text, INT64_MAX, &value) == 0 ? (int64_t)value : 0;
}

static const char *text_of(const struct record *row, const char *key)
{
	const char *text = record_get(row, key);

	return text ? text : "";
}

static int add_line(struct printer *printer, const struct record *row)
{
	const char *state = text_of(row, "state");
	DV_AUTO_FREE char *clean = output_clean(text_of(row, "error"), printer->ctl->utf8);
	enum output_colour colour = str_equal(state, "ok")	  ? OUTPUT_PLAIN
				    : str_equal(state, "refused") ? OUTPUT_YELLOW
								  : OUTPUT_RED;
	int64_t took_usec = number_of(row, "ended") - number_of(row, "started");
	char age[CLOCK_RELATIVE_BYTES], took[32];
	struct output_cell cells[OUTPUT_MAX_COLUMNS] = { { text_of(row, "name"), OUTPUT_PLAIN },
							 { age, OUTPUT_PLAIN },
							 { took, OUTPUT_PLAIN },
							 { state, colour } };
	size_t n = 4;

	if (!clean)
		return -ENOMEM;
	clock_relative(number_of(row, "started"), clock_wall_usec(), age);
	(void)snprintf(took, sizeof(took), "%" PRId64 " s", (took_usec + 500000) / 1000000);
	for (size_t i = 0; i < DV_COUNT(COUNTS); i++)
		cells[n++] = (struct output_cell){ text_of(row, COUNTS[i]), OUTPUT_PLAIN };
	cells[n] = (struct output_cell){ clean, colour };
	return output_table_add(&printer->table, cells);
}

static void json_release(json_t **json)
{
	json_decref(*json);
}

static int print_json(const struct printer *printer, const struct record *row)
{
	DV_CLEANUP(json_release) json_t *run = NULL;
	const char *error = text_of(row, "error");
	char started[32], ended[32];

	clock_format(number_of(row, "started"), started);
	clock_format(number_of(row, "ended"), ended);
	run = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I}", "name", text_of(row, "name"), "route",
			text_of(row, "route"), "state", text_of(row, "state"), "started", started,
			"ended", ended, "took_ms",
			(json_int_t)((number_of(row, "ended") - number_of(row, "started")) / 1000));
	for (size_t i = 0; run && i < DV_COUNT(COUNTS); i++) {
		if (json_object_set_new(run, COUNTS[i], json_integer(number_of(row, COUNTS[i]))) <
		    0)
			return -ENOMEM;
	}
	if (!run ||
	    json_object_set_new(run, "error", *error ? json_string(error) : json_null()) < 0)
		return -ENOMEM;
	/* A stream that takes no more shows itself when it is flushed. */
	(void)json_dumpf(run, printer->ctl->out, JSON_COMPACT | JSON_PRESERVE_ORDER);
	(void)fputc('\n', printer->ctl->out);
	return 0;
}

static int on_row(const struct record *row, void *context, struct dv_error *err)
{
	struct printer *printer = context;
	const char *name = text_of(row, "name");
	bool is_newest = !str_equal(name, printer->last);
	int r;

	if (!str_equal(record_get(row, "kind"), "mirror") || (!is_newest && !printer->all))
		return 0;
	(void)snprintf(printer->last, sizeof(printer->last), "%s", name);
	printer->n_rows++;
	r = printer->as_json ? print_json(printer, row) : add_line(printer, row);
	return r < 0 ? dv_fail(err, r, "print a mirror") : 0;
}

static void printer_done(struct printer *printer)
{
	output_table_done(&printer->table);
}

enum ctl_exit mirrors_run(const struct ctl *ctl, bool as_json, bool all)
{
	static const char *const headings[] = { "NAME",	   "RUN",    "TOOK",	"STATE",
						"CHECKED", "COPIED", "DELETED", "ERRORS",
						"BYTES",   "WHY",    NULL };
	const struct online_limits limits = { .idle_ms = ONLINE_ANSWER_MS };
	DV_CLEANUP(printer_done)
	struct printer printer = { .ctl = ctl, .as_json = as_json, .all = all };
	struct record_writer request;
	enum ctl_exit exit_status;

	if (output_table_init(&printer.table, headings, ctl->utf8) < 0) {
		ctl_say(ctl, "out of memory");
		return CTL_FAILED;
	}
	proto_begin_request(&request, PROTO_MIRRORS);
	exit_status = online_collect(ctl, &request, &limits, on_row, &printer);
	if (exit_status != CTL_OK || as_json)
		return exit_status;
	if (printer.n_rows > 0)
		output_table_print(&printer.table, ctl->out, ctl->colour);
	else
		(void)fputs("No mirror has run yet; see mirrors in devvm.yaml(5).\n", ctl->out);
	return CTL_OK;
}

int cmd_mirrors(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "all", no_argument, NULL, 'a' },
		{ 0 },
	};
	bool as_json = false, all = false;
	struct ctl ctl;
	int option;

	ctl_init(&ctl);
	while ((option = ctl_option(&ctl, argc, argv, ":", options)) != -1) {
		if (option == '?')
			return CTL_USAGE;
		as_json |= option == 'j';
		all |= option == 'a';
	}
	if (optind < argc) {
		ctl_say(&ctl, "mirrors: %s is too much", argv[optind]);
		return CTL_USAGE;
	}
	return (int)mirrors_run(&ctl, as_json, all);
}
