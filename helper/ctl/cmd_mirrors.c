/* cmd_mirrors.c - `devvmctl mirrors [--all] [--json]`: what the runs of each mirror counted. */
#include "ctl/cmd_mirrors.h"

#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "ctl/commands.h"
#include "ctl/rows.h"

#define NAME_BYTES 64

/* In the order of the columns. */
static const char *const COUNTS[] = { "checked", "copied", "deleted", "errors", "bytes" };

/* The newest run of each mirror comes first. */
struct chooser {
	bool all;
	char last[NAME_BYTES]; /* the mirror of the row before */
};

/* 0 where it is not told. */
static int64_t count_of(const struct record *row, const char *key)
{
	int64_t number = rows_number(row, key);

	return number > 0 ? number : 0;
}

static int add_line(struct output_table *table, const struct record *row, bool utf8)
{
	const char *state = rows_text(row, "state");
	DV_AUTO_FREE char *clean = output_clean(rows_text(row, "error"), utf8);
	enum output_colour colour = str_equal(state, "ok")	  ? OUTPUT_PLAIN
				    : str_equal(state, "refused") ? OUTPUT_YELLOW
								  : OUTPUT_RED;
	int64_t took_usec = count_of(row, "ended") - count_of(row, "started");
	char age[CLOCK_RELATIVE_BYTES], took[32];
	struct output_cell cells[OUTPUT_MAX_COLUMNS] = { { rows_text(row, "name"), OUTPUT_PLAIN },
							 { age, OUTPUT_PLAIN },
							 { took, OUTPUT_PLAIN },
							 { state, colour } };
	size_t n = 4;

	if (!clean)
		return -ENOMEM;
	clock_relative(count_of(row, "started"), clock_wall_usec(), age);
	(void)snprintf(took, sizeof(took), "%" PRId64 " s", (took_usec + 500000) / 1000000);
	for (size_t i = 0; i < DV_COUNT(COUNTS); i++)
		cells[n++] = (struct output_cell){ rows_text(row, COUNTS[i]), OUTPUT_PLAIN };
	cells[n] = (struct output_cell){ clean, colour };
	return output_table_add(table, cells);
}

static json_t *to_json(const struct record *row)
{
	json_t *run =
		json_pack("{s:s, s:s, s:s, s:o, s:o, s:I}", "name", rows_text(row, "name"), "route",
			  rows_text(row, "route"), "state", rows_text(row, "state"), "started",
			  rows_time_json(row, "started"), "ended", rows_time_json(row, "ended"),
			  "took_ms",
			  (json_int_t)((count_of(row, "ended") - count_of(row, "started")) / 1000));

	for (size_t i = 0; run && i < DV_COUNT(COUNTS); i++)
		(void)json_object_set_new(run, COUNTS[i], json_integer(count_of(row, COUNTS[i])));
	if (run)
		(void)json_object_set_new(run, "error", rows_text_json(row, "error"));
	return run;
}

static bool wants(void *context, const struct record *row)
{
	struct chooser *chooser = context;
	const char *name = rows_text(row, "name");
	bool is_newest = strcmp(name, chooser->last) != 0;

	(void)snprintf(chooser->last, sizeof(chooser->last), "%s", name);
	return is_newest || chooser->all;
}

enum ctl_exit mirrors_run(const struct ctl *ctl, bool as_json, bool all)
{
	static const char *const headings[] = { "NAME",	   "RUN",    "TOOK",	"STATE",
						"CHECKED", "COPIED", "DELETED", "ERRORS",
						"BYTES",   "WHY",    NULL };
	struct chooser chooser = { .all = all };
	const struct rows_spec spec = {
		.verb = PROTO_MIRRORS,
		.kind = "mirror",
		.headings = headings,
		.none = "No mirror has run yet; see mirrors in devvm.yaml(5).",
		.add_line = add_line,
		.to_json = to_json,
		.wants = wants,
		.context = &chooser
	};

	return rows_run(ctl, &spec, as_json);
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
