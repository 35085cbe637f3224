/* cmd_secrets.c - `devvmctl secrets [--json]`: source, version, age and state of each. */
#include "ctl/cmd_secrets.h"

#include <getopt.h>

#include "base/clock.h"
#include "base/str.h"
#include "ctl/commands.h"
#include "ctl/rows.h"

static int add_line(struct output_table *table, const struct record *row, bool utf8)
{
	const char *state = rows_text(row, "state");
	const char *error = rows_text(row, "error");
	DV_AUTO_FREE char *clean = output_clean(error, utf8);
	enum output_colour colour = str_equal(state, "missing") ? OUTPUT_RED
				    : str_equal(state, "kept")	? OUTPUT_YELLOW
								: OUTPUT_PLAIN;
	int64_t staged_usec = rows_number(row, "staged");
	char age[CLOCK_RELATIVE_BYTES];

	if (!clean)
		return -ENOMEM;
	clock_relative(staged_usec > 0 ? staged_usec : 0, clock_wall_usec(), age);
	return output_table_add(table, (const struct output_cell[]){
					       { rows_text(row, "name"), OUTPUT_PLAIN },
					       { rows_text(row, "source"), OUTPUT_PLAIN },
					       { rows_text(row, "version"), OUTPUT_PLAIN },
					       { age, OUTPUT_PLAIN },
					       { state, colour },
					       { clean, colour },
				       });
}

static json_t *to_json(const struct record *row)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:s, s:o}", "name", rows_text(row, "name"), "source",
			 rows_text(row, "source"), "version", rows_text_json(row, "version"),
			 "staged", rows_time_json(row, "staged"), "state", rows_text(row, "state"),
			 "error", rows_text_json(row, "error"));
}

enum ctl_exit secrets_run(const struct ctl *ctl, bool as_json)
{
	static const char *const headings[] = { "NAME",	 "SOURCE", "VERSION", "STAGED",
						"STATE", "WHY",	   NULL };
	const struct rows_spec spec = { .verb = PROTO_SECRETS,
					.kind = "secret",
					.headings = headings,
					.none = "No secret has a source yet; see secrets in "
						"devvm.yaml(5).",
					.add_line = add_line,
					.to_json = to_json };

	return rows_run(ctl, &spec, as_json);
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
