/* cmd_status.c - `devvmctl status [USER] [--json]`. */
#include "ctl/cmd_status.h"

#include <getopt.h>

#include "base/clock.h"
#include "ctl/commands.h"
#include "ctl/online.h"
#include "ctl/status_text.h"

#define TOTAL_MS 30000 /* ten thousand people come in well under one second */

static int on_row(const struct record *row, void *context, struct dv_error *err)
{
	return status_add(context, row, err);
}

static int print(const struct ctl *ctl, const struct status *status, bool is_one, bool as_json)
{
	if (as_json)
		return status_print_json(status, ctl->out);
	if (is_one)
		return status_print_person(&status->people[0], ctl, clock_wall_usec());
	return status_print_table(status, ctl, clock_wall_usec());
}

enum ctl_exit status_run(const struct ctl *ctl, const char *user, bool as_json)
{
	const struct online_limits limits = { .total_ms = TOTAL_MS, .idle_ms = ONLINE_ANSWER_MS };
	DV_AUTO_STATUS struct status status = { 0 };
	struct record_writer request;
	enum ctl_exit exit_status;

	proto_begin_request(&request, PROTO_STATUS);
	record_add(&request, "user", user);
	exit_status = online_collect(ctl, &request, &limits, on_row, &status);
	if (exit_status != CTL_OK)
		return exit_status;
	if (user && status.n_people == 0) {
		ctl_say(ctl, "%s is nobody of this machine's roster", user);
		return CTL_FAILED;
	}
	if (print(ctl, &status, user != NULL, as_json) < 0) {
		ctl_say(ctl, "out of memory");
		return CTL_FAILED;
	}
	return CTL_OK;
}

int cmd_status(int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { 0 } };
	struct ctl ctl;
	bool as_json = false;
	const char *user;

	ctl_init(&ctl);
	user = ctl_flag_and_user(&ctl, argc, argv, ":", options, &as_json);
	if (!user)
		return CTL_USAGE;
	return (int)status_run(&ctl, *user ? user : NULL, as_json);
}
