/* drain.c - devvm-job drain [--timer] [USER]: who was at work when a version came gets it now, if they are idle.
 *
 * Every quarter of an hour in update.drain_window (devvm-drain.timer), and for one person when they ask for it
 * (devvmctl update --now). See rollout/drain.h; here are the words of the command.
 */
#include "job/jobs.h"

#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "rollout/drain.h"

#define INSTANCE_BYTES (STR_USER_NAME_MAX + 8)

static bool read_words(struct rollout *rollout, int argc, char **argv)
{
	int at = 1;

	if (at < argc && strcmp(argv[at], "--timer") == 0) {
		rollout->of_timer = true;
		at++;
	}
	if (at < argc && str_is_user_name(argv[at]))
		rollout->only = argv[at++];
	return at == argc && !(rollout->of_timer && rollout->only);
}

int job_drain(int argc, char **argv)
{
	DV_CLEANUP(rollout_done) struct rollout rollout = { .env = ENV_EMPTY };
	enum update_outcome outcome = UPDATE_UNSET;
	char instance[INSTANCE_BYTES];
	struct dv_error err = { "" };
	int r;

	if (!read_words(&rollout, argc, argv)) {
		log_error("usage: devvm-job drain [--timer | USER]");
		return JOB_USAGE;
	}
	(void)umask(0022);
	if (rollout.only) {
		(void)snprintf(instance, sizeof(instance), "drain-%s", rollout.only);
		rollout.instance = instance;
	}
	r = rollout_set_up(&rollout, &err);
	if (r == 0)
		r = rollout_drain(&rollout, &outcome, &err);
	if (r < 0) {
		log_error("drain: %s", err.text);
		return JOB_FAILED;
	}
	return update_outcome_row(outcome)->exit_status;
}
