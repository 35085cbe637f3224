/* cmd_versions.c - `devvmctl versions [--json]`: the versions of t3, and who runs which. */
#include <getopt.h>
#include <string.h>

#include "base/str.h"
#include "ctl/cmd_update.h"
#include "ctl/commands.h"
#include "ctl/rows.h"

static bool is_set(const struct record *row, const char *key)
{
	return str_equal(record_get(row, key), "1");
}

/* "current, last good" */
static int add_line(struct output_table *table, const struct record *row, bool utf8)
{
	bool is_bad = *rows_text(row, "bad") && rows_number(row, "forgiven") <= 0;
	const struct {
		bool holds;
		const char *word;
	} words[] = {
		{ is_set(row, "current"), "current" },
		{ is_set(row, "last-good"), "last good" },
		{ is_bad, "bad" },
		{ *rows_text(row, "bad") && !is_bad, "forgiven" },
		{ !is_set(row, "staged"), "not here" },
	};
	DV_AUTO_STR_LIST struct str_list held = { 0 };
	DV_AUTO_FREE char *why = output_clean(rows_text(row, "bad"), utf8);
	DV_AUTO_FREE char *state = NULL;

	for (size_t i = 0; i < DV_COUNT(words); i++) {
		if (words[i].holds && str_list_add(&held, words[i].word) < 0)
			return -ENOMEM;
	}
	state = str_list_join(&held, ", ");
	if (!state || !why)
		return -ENOMEM;
	return output_table_add(table, (struct output_cell[]){
					       { rows_text(row, "version"), OUTPUT_PLAIN },
					       { state, is_bad ? OUTPUT_RED : OUTPUT_PLAIN },
					       { rows_text(row, "people"), OUTPUT_PLAIN },
					       { why, is_bad ? OUTPUT_RED : OUTPUT_PLAIN },
				       });
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

static json_t *to_json(const struct record *row)
{
	return json_pack("{s:s, s:b, s:b, s:b, s:o, s:o, s:o}", "version",
			 rows_text(row, "version"), "staged", (int)is_set(row, "staged"), "current",
			 (int)is_set(row, "current"), "last_good", (int)is_set(row, "last-good"),
			 "people", people_json(rows_text(row, "people")), "bad",
			 rows_text_json(row, "bad"), "forgiven", rows_time_json(row, "forgiven"));
}

enum ctl_exit versions_run(const struct ctl *ctl, bool as_json)
{
	static const char *const headings[] = { "VERSION", "STATE", "PEOPLE", "WHY", NULL };
	const struct rows_spec spec = {
		.verb = PROTO_VERSIONS,
		.kind = "version",
		.headings = headings,
		.none = "There is no t3 on this machine; devvmctl install t3 "
			"gets one.",
		.add_line = add_line,
		.to_json = to_json
	};

	return rows_run(ctl, &spec, as_json);
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
