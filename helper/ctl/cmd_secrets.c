/* cmd_secrets.c - `devvmctl secrets [--json]`: source, version, age and state of each. */
#include "ctl/cmd_secrets.h"

#include <getopt.h>
#include <jansson.h>

#include "base/clock.h"
#include "base/str.h"
#include "ctl/commands.h"
#include "ctl/online.h"
#include "ctl/output.h"

struct printer {
	const struct ctl *ctl;
	bool as_json;
	struct output_table table;
	uint64_t n_rows;
};

static int64_t staged_of(const struct record *row)
{
	const char *text = record_get(row, "staged");
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
	const char *error = text_of(row, "error");
	DV_AUTO_FREE char *clean = output_clean(error, printer->ctl->utf8);
	enum output_colour colour = str_equal(state, "missing") ? OUTPUT_RED
				    : str_equal(state, "kept")	? OUTPUT_YELLOW
								: OUTPUT_PLAIN;
	char age[CLOCK_RELATIVE_BYTES];

	if (!clean)
		return -ENOMEM;
	clock_relative(staged_of(row), clock_wall_usec(), age);
	return output_table_add(&printer->table, (const struct output_cell[]){
							 { text_of(row, "name"), OUTPUT_PLAIN },
							 { text_of(row, "source"), OUTPUT_PLAIN },
							 { text_of(row, "version"), OUTPUT_PLAIN },
							 { age, OUTPUT_PLAIN },
							 { state, colour },
							 { clean, colour },
						 });
}

static void json_release(json_t **json)
{
	json_decref(*json);
}

static int print_json(const struct printer *printer, const struct record *row)
{
	DV_CLEANUP(json_release) json_t *secret = NULL;
	const char *error = text_of(row, "error");
	const char *version = text_of(row, "version");
	int64_t staged_usec = staged_of(row);
	char at[32] = "";

	if (staged_usec > 0)
		clock_format(staged_usec, at);
	secret = json_pack("{s:s, s:s, s:s?, s:s?, s:s, s:s?}", "name", text_of(row, "name"),
			   "source", text_of(row, "source"), "version", *version ? version : NULL,
			   "staged", *at ? at : NULL, "state", text_of(row, "state"), "error",
			   *error ? error : NULL);
	if (!secret)
		return -ENOMEM;
	/* A stream that takes no more shows itself when it is flushed. */
	(void)json_dumpf(secret, printer->ctl->out, JSON_COMPACT | JSON_PRESERVE_ORDER);
	(void)fputc('\n', printer->ctl->out);
	return 0;
}

static int on_row(const struct record *row, void *context, struct dv_error *err)
{
	struct printer *printer = context;
	int r;

	if (!str_equal(record_get(row, "kind"), "secret"))
		return 0;
	printer->n_rows++;
	r = printer->as_json ? print_json(printer, row) : add_line(printer, row);
	return r < 0 ? dv_fail(err, r, "print a secret") : 0;
}

static void printer_done(struct printer *printer)
{
	output_table_done(&printer->table);
}

enum ctl_exit secrets_run(const struct ctl *ctl, bool as_json)
{
	static const char *const headings[] = { "NAME",	 "SOURCE", "VERSION", "STAGED",
						"STATE", "WHY",	   NULL };
	const struct online_limits limits = { .idle_ms = ONLINE_ANSWER_MS };
	DV_CLEANUP(printer_done) struct printer printer = { .ctl = ctl, .as_json = as_json };
	struct record_writer request;
	enum ctl_exit exit_status;

	if (output_table_init(&printer.table, headings, ctl->utf8) < 0) {
		ctl_say(ctl, "out of memory");
		return CTL_FAILED;
	}
	proto_begin_request(&request, PROTO_SECRETS);
	exit_status = online_collect(ctl, &request, &limits, on_row, &printer);
	if (exit_status != CTL_OK || as_json)
		return exit_status;
	if (printer.n_rows > 0)
		output_table_print(&printer.table, ctl->out, ctl->colour);
	else
		(void)fputs("No secret has a source yet; see secrets in devvm.yaml(5).\n",
			    ctl->out);
	return CTL_OK;
}

int cmd_secrets(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ 0 },
	};
	bool as_json = false;
	struct ctl ctl;
	int option;

	ctl_init(&ctl);
	while ((option = ctl_option(&ctl, argc, argv, ":", options)) != -1) {
		if (option == '?')
			return CTL_USAGE;
		as_json |= option == 'j';
	}
	if (optind < argc) {
		ctl_say(&ctl, "secrets: %s is too much", argv[optind]);
		return CTL_USAGE;
	}
	return (int)secrets_run(&ctl, as_json);
}
