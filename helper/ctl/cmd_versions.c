/* cmd_versions.c - `devvmctl versions [--json]`: the versions of t3, and who runs which. */
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "ctl/cmd_update.h"
#include "ctl/commands.h"
#include "ctl/online.h"
#include "ctl/output.h"

struct printer {
	const struct ctl *ctl;
	bool as_json;
	struct output_table table;
	size_t n_rows;
};

static const char *text_of(const struct record *row, const char *key)
{
	const char *text = record_get(row, key);

	return text ? text : "";
}

static bool is_set(const struct record *row, const char *key)
{
	return str_equal(record_get(row, key), "1");
}

static int64_t forgiven_of(const struct record *row)
{
	uint64_t value = 0;

	return str_to_uint(text_of(row, "forgiven"), INT64_MAX, &value) == 0 ? (int64_t)value : 0;
}

/* "current, last good" */
static int add_line(struct printer *printer, const struct record *row)
{
	bool is_bad = *text_of(row, "bad") && forgiven_of(row) == 0;
	const struct {
		bool holds;
		const char *word;
	} words[] = {
		{ is_set(row, "current"), "current" },
		{ is_set(row, "last-good"), "last good" },
		{ is_bad, "bad" },
		{ *text_of(row, "bad") && !is_bad, "forgiven" },
		{ !is_set(row, "staged"), "not here" },
	};
	DV_AUTO_STR_LIST struct str_list held = { 0 };
	DV_AUTO_FREE char *why = output_clean(text_of(row, "bad"), printer->ctl->utf8);
	DV_AUTO_FREE char *state = NULL;

	for (size_t i = 0; i < DV_COUNT(words); i++) {
		if (words[i].holds && str_list_add(&held, words[i].word) < 0)
			return -ENOMEM;
	}
	state = str_list_join(&held, ", ");
	if (!state || !why)
		return -ENOMEM;
	return output_table_add(&printer->table,
				(struct output_cell[]){
					{ text_of(row, "version"), OUTPUT_PLAIN },
					{ state, is_bad ? OUTPUT_RED : OUTPUT_PLAIN },
					{ text_of(row, "people"), OUTPUT_PLAIN },
					{ why, is_bad ? OUTPUT_RED : OUTPUT_PLAIN },
				});
}

static void json_release(json_t **json)
{
	json_decref(*json);
}

static json_t *people_json(const char *names)
{
	DV_AUTO_FREE char *copy = strdup(names);
	json_t *list = json_array();
	char *rest = copy, *name;

	while (copy && *copy && (name = strsep(&rest, ","))) {
		while (*name == ' ')
			name++;
		(void)json_array_append_new(list, json_string(name)); /* NULL list: packing fails */
	}
	return list;
}

static int print_json(const struct printer *printer, const struct record *row)
{
	const char *bad = text_of(row, "bad");
	int64_t forgiven_usec = forgiven_of(row);
	char forgiven[32] = "";
	DV_CLEANUP(json_release) json_t *json = NULL;

	if (forgiven_usec > 0)
		clock_format(forgiven_usec, forgiven);
	json = json_pack("{s:s, s:b, s:b, s:b, s:o, s:o, s:o}", "version", text_of(row, "version"),
			 "staged", (int)is_set(row, "staged"), "current",
			 (int)is_set(row, "current"), "last_good", (int)is_set(row, "last-good"),
			 "people", people_json(text_of(row, "people")), "bad",
			 *bad ? json_string(bad) : json_null(), "forgiven",
			 *forgiven ? json_string(forgiven) : json_null());
	if (!json)
		return -ENOMEM;
	/* A stream that takes no more shows itself when it is flushed. */
	(void)json_dumpf(json, printer->ctl->out, JSON_COMPACT | JSON_PRESERVE_ORDER);
	(void)fputc('\n', printer->ctl->out);
	return 0;
}

static int on_row(const struct record *row, void *context, struct dv_error *err)
{
	struct printer *printer = context;
	int r;

	if (!str_equal(record_get(row, "kind"), "version"))
		return 0;
	printer->n_rows++;
	r = printer->as_json ? print_json(printer, row) : add_line(printer, row);
	return r < 0 ? dv_fail(err, r, "print a version") : 0;
}

static void printer_done(struct printer *printer)
{
	output_table_done(&printer->table);
}

enum ctl_exit versions_run(const struct ctl *ctl, bool as_json)
{
	static const char *const headings[] = { "VERSION", "STATE", "PEOPLE", "WHY", NULL };
	const struct online_limits limits = { .idle_ms = ONLINE_ANSWER_MS };
	DV_CLEANUP(printer_done) struct printer printer = { .ctl = ctl, .as_json = as_json };
	struct record_writer request;
	enum ctl_exit exit_status;

	if (output_table_init(&printer.table, headings, ctl->utf8) < 0) {
		ctl_say(ctl, "out of memory");
		return CTL_FAILED;
	}
	proto_begin_request(&request, PROTO_VERSIONS);
	exit_status = online_collect(ctl, &request, &limits, on_row, &printer);
	if (exit_status != CTL_OK || as_json)
		return exit_status;
	if (printer.n_rows > 0)
		output_table_print(&printer.table, ctl->out, ctl->colour);
	else
		(void)fputs("There is no t3 on this machine; devvmctl install t3 gets one.\n",
			    ctl->out);
	return CTL_OK;
}

int cmd_versions(int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { 0 } };
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
		ctl_say(&ctl, "versions: %s is too much", argv[optind]);
		return CTL_USAGE;
	}
	return (int)versions_run(&ctl, as_json);
}
