/* cmd_freeze.c - `devvmctl freeze` and `devvmctl unfreeze`: hold the version of t3, and nothing else. */
#include <getopt.h>

#include "base/clock.h"
#include "ctl/cmd_update.h"
#include "ctl/commands.h"
#include "ctl/follow.h"
#include "update/freeze.h"

static enum ctl_exit ask(const struct ctl *ctl, const struct record_writer *request)
{
	const struct follow_spec spec = { .request = request, .total_ms = ONLINE_ANSWER_MS };
	struct follow_result result;

	follow_run(ctl, &spec, &result);
	if (result.end == FOLLOW_DONE)
		(void)fprintf(ctl->out, "%s\n", result.text);
	return follow_explain(ctl, &result);
}

enum ctl_exit freeze_run(const struct ctl *ctl, const char *reason, int64_t until_usec)
{
	struct record_writer request;

	proto_begin_request(&request, PROTO_FREEZE);
	record_add_text(&request, "reason", reason);
	if (until_usec > 0)
		record_add_int(&request, "until", until_usec);
	return ask(ctl, &request);
}

enum ctl_exit unfreeze_run(const struct ctl *ctl)
{
	struct record_writer request;

	proto_begin_request(&request, PROTO_UNFREEZE);
	return ask(ctl, &request);
}

int cmd_freeze(int argc, char **argv)
{
	static const struct option options[] = {
		{ "reason", required_argument, NULL, 'r' },
		{ "until", required_argument, NULL, 'u' },
		{ 0 },
	};
	const char *reason = NULL, *until = NULL;
	struct dv_error err = { "" };
	int64_t until_usec = 0;
	struct ctl ctl;
	int option;

	ctl_init(&ctl);
	while ((option = ctl_option(&ctl, argc, argv, ":", options)) != -1) {
		if (option == '?')
			return CTL_USAGE;
		if (option == 'r')
			reason = optarg;
		if (option == 'u')
			until = optarg;
	}
	if (optind < argc) {
		ctl_say(&ctl, "freeze: %s is too much", argv[optind]);
		return CTL_USAGE;
	}
	if (!reason || !*reason) {
		ctl_say(&ctl, "freeze: say why with --reason: whoever finds it later will ask");
		return CTL_USAGE;
	}
	if (until && freeze_parse_until(until, clock_wall_usec(), &until_usec, &err) < 0) {
		ctl_say(&ctl, "freeze: %s", err.text);
		return CTL_USAGE;
	}
	return (int)freeze_run(&ctl, reason, until_usec);
}

int cmd_unfreeze(int argc, char **argv)
{
	static const struct option options[] = { { 0 } };
	struct ctl ctl;

	ctl_init(&ctl);
	if (ctl_option(&ctl, argc, argv, ":", options) != -1)
		return CTL_USAGE;
	if (optind < argc) {
		ctl_say(&ctl, "unfreeze: %s is too much", argv[optind]);
		return CTL_USAGE;
	}
	return (int)unfreeze_run(&ctl);
}
