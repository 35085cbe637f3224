/* update.c - devvm-job update: one run of the updater of t3. See rollout/run.h; here are the words of the command. */
#include "job/jobs.h"

#include <getopt.h>
#include <sys/stat.h>

#include "base/log.h"
#include "rollout/run.h"

static int read_words(struct rollout *rollout, int argc, char **argv, struct dv_error *err)
{
	static const struct option options[] = {
		{ "dry-run", no_argument, NULL, 'n' },
		{ "stage", no_argument, NULL, 's' },
		{ "to", required_argument, NULL, 't' },
		{ "instance", required_argument, NULL, 'i' },
		{ "timer", no_argument, NULL, 'm' },
		{ 0 },
	};
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (option == 'n')
			rollout->order.dry_run = true;
		else if (option == 's')
			rollout->order.stage_only = true;
		else if (option == 't' && order_is_version(optarg))
			(void)snprintf(rollout->order.to, sizeof(rollout->order.to), "%s", optarg);
		else if (option == 'i') {
			if (order_parse(optarg, &rollout->order, err) < 0)
				return -EINVAL;
			rollout->instance = optarg;
		} else if (option == 'm')
			rollout->of_timer = true;
		else
			return dv_refuse(err, -EINVAL, "%s makes no sense", argv[optind - 1]);
	}
	return optind < argc ? dv_refuse(err, -EINVAL, "%s is too much", argv[optind]) : 0;
}

int job_update(int argc, char **argv)
{
	DV_CLEANUP(rollout_done) struct rollout rollout = { .env = ENV_EMPTY };
	enum update_outcome outcome = UPDATE_UNSET;
	struct dv_error err = { "" };
	int r;

	if (read_words(&rollout, argc, argv, &err) < 0) {
		log_error("usage: devvm-job update [--dry-run | --stage] [--to VERSION] (%s)",
			  err.text);
		return JOB_USAGE;
	}
	(void)umask(0022);
	r = rollout_set_up(&rollout, &err);
	if (r == 0)
		r = rollout_run(&rollout, &outcome, &err);
	if (r < 0) {
		log_error("update: %s", err.text);
		return JOB_FAILED;
	}
	return update_outcome_row(outcome)->exit_status;
}
