/* cmd_update.c - `devvmctl update`: a run of the updater, and how it ended. */
#include "ctl/cmd_update.h"

#include <getopt.h>

#include "ctl/cmd_update_person.h"
#include "ctl/commands.h"
#include "ctl/follow.h"
#include "ctl/update_end.h"
#include "update/order.h"

int update_run(const struct ctl *ctl, const struct update_words *words)
{
	struct record_writer request;
	struct follow_result result;
	const struct follow_spec spec = {
		.request = &request,
		.total_ms = UPDATE_TOTAL_MS,
		.has_bar = true,
		.words = words->dry_run ? "trying t3" : "updating t3",
	};

	proto_begin_request(&request, PROTO_UPDATE);
	record_add(&request, "to", words->to);
	record_add(&request, "dry-run", words->dry_run ? "1" : NULL);
	record_add(&request, "stage", words->stage_only ? "1" : NULL);
	record_add(&request, "forgive", words->forgive);
	follow_run(ctl, &spec, &result);
	return update_tell(ctl, &result);
}

int cmd_update(int argc, char **argv)
{
	static const struct option options[] = {
		{ "dry-run", no_argument, NULL, 'n' },
		{ "to", required_argument, NULL, 't' },
		{ "stage", no_argument, NULL, 's' },
		{ "forgive", required_argument, NULL, 'f' },
		{ "now", no_argument, NULL, 'w' },
		{ "not-before", required_argument, NULL, 'b' },
		{ 0 },
	};
	struct update_words words = { 0 };
	const char *not_before = NULL;
	bool now = false;
	struct ctl ctl;
	int option;

	ctl_init(&ctl);
	while ((option = ctl_option(&ctl, argc, argv, ":nt:sf:", options)) != -1) {
		if (option == '?')
			return CTL_USAGE;
		words.dry_run |= option == 'n';
		words.stage_only |= option == 's';
		if (option == 't')
			words.to = optarg;
		if (option == 'f')
			words.forgive = optarg;
		now |= option == 'w';
		if (option == 'b')
			not_before = optarg;
	}
	if (now || not_before) {
		if (words.to || words.forgive || words.dry_run || words.stage_only ||
		    (now && not_before)) {
			ctl_say(&ctl, "update: --now and --not-before go with no other option");
			return CTL_USAGE;
		}
		return update_person(&ctl, argc, argv, not_before);
	}
	if (optind < argc) {
		ctl_say(&ctl, "update: %s is too much", argv[optind]);
		return CTL_USAGE;
	}
	if ((words.to && !order_is_version(words.to)) ||
	    (words.forgive && !order_is_version(words.forgive))) {
		ctl_say(&ctl, "update: a version is written like 0.0.28-nightly.20260616.571");
		return CTL_USAGE;
	}
	if (words.dry_run && words.stage_only) {
		ctl_say(&ctl, "update: --dry-run keeps nothing, so it does not go with --stage");
		return CTL_USAGE;
	}
	if (words.forgive && (words.to || words.dry_run || words.stage_only)) {
		ctl_say(&ctl, "update: --forgive runs nothing, so it goes with no other option");
		return CTL_USAGE;
	}
	return update_run(&ctl, &words);
}
