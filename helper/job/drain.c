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

static bool read_words(struct update *update, int argc, char **argv)
{
	int at = 1;

	if (at < argc && strcmp(argv[at], "--timer") == 0) {
		update->of_timer = true;
		at++;
	}
	if (at < argc && str_is_user_name(argv[at]))
		update->only = argv[at++];
	return at == argc && !(update->of_timer && update->only);
}

int job_drain(int argc, char **argv)
{
	DV_CLEANUP(update_done) struct update update = { .env = ENV_EMPTY };
	enum update_outcome outcome = UPDATE_UNSET;
	char instance[INSTANCE_BYTES];
	struct dv_error err = { "" };
	int r;

	if (!read_words(&update, argc, argv)) {
		log_error("usage: devvm-job drain [--timer | USER]");
		return JOB_USAGE;
	}
	(void)umask(0022);
	if (update.only) {
		(void)snprintf(instance, sizeof(instance), "drain-%s", update.only);
		update.instance = instance;
	}
	r = update_set_up(&update, &err);
	if (r == 0)
		r = rollout_drain(&update, &outcome, &err);
	if (r < 0) {
		log_error("drain: %s", err.text);
		return JOB_FAILED;
	}
	return update_outcome_row(outcome)->exit_status;
}
