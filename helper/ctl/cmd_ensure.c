/* cmd_ensure.c - `devvmctl ensure USER [--wait] [--timeout S]`. */
#include "ctl/cmd_ensure.h"

#include <getopt.h>

#include "ctl/commands.h"
#include "ctl/follow.h"
#include "ctl/lines.h"

enum ctl_exit ensure_run(const struct ctl *ctl, const char *user, uint64_t timeout_s)
{
	bool is_waiting = timeout_s > 0;
	struct record_writer request;
	struct follow_result result;
	struct follow_spec spec = {
		.request = &request,
		.total_ms = is_waiting ? (int64_t)timeout_s * 1000 : ONLINE_ANSWER_MS,
		.has_bar = is_waiting,
		.words = "waiting for its turn",
		.on_progress = lines_print_failed,
	};

	proto_begin_request(&request, PROTO_ENSURE);
	record_add(&request, "user", user);
	record_add(&request, "wait", is_waiting ? "1" : NULL);
	follow_run(ctl, &spec, &result);
	if (result.end == FOLLOW_DONE && result.n_failed == 0 && is_waiting)
		(void)fprintf(ctl->out, "%s is prepared.\n", user);
	else if (result.end == FOLLOW_DONE && result.n_failed == 0)
		(void)fprintf(ctl->out,
			      "%s is being prepared; devvmctl wait %s --progress shows how far.\n",
			      user, user);
	return follow_explain(ctl, &result);
}

int cmd_ensure(int argc, char **argv)
{
	static const struct option options[] = {
		{ "wait", no_argument, NULL, 'w' },
		{ "timeout", required_argument, NULL, 't' },
		{ 0 },
	};
	uint64_t timeout_s = ENSURE_TIMEOUT_S;
	bool is_waiting = false;
	const char *user;
	struct ctl ctl;
	int option;

	ctl_init(&ctl);
	while ((option = ctl_option(&ctl, argc, argv, ":", options)) != -1) {
		if (option == '?')
			return CTL_USAGE;
		if (option == 't' && ctl_seconds(&ctl, optarg, &timeout_s) < 0)
			return CTL_USAGE;
		is_waiting = true; /* --timeout says so as well */
	}
	user = ctl_user_word(&ctl, argc, argv, NULL);
	if (!user)
		return CTL_USAGE;
	return (int)ensure_run(&ctl, user, is_waiting ? timeout_s : 0);
}
