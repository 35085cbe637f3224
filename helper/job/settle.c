/* settle.c - devvm-job settle: have systemd run what the ledger says, and nobody else reach
 * people's ports.
 *
 * Root, started by a reconcile that changed something for systemd, and once an hour. It is no
 * part of the reconcile because it waits for systemd; no login waits for it.
 */
#include <poll.h>

#include "base/clock.h"
#include "base/log.h"
#include "job/jobs.h"
#include "job/pass.h"
#include "job/settings.h"
#include "steps/fence.h"
#include "steps/lock.h"

#define LOCK_SETTLE "@settle"
#define LOCK_DEADLINE_MS 60000
#define LEDGER_BUSY_MS 10000
#define MAX_ROUNDS 20
#define ROUND_PAUSE_MS 250

struct settle {
	struct env env;
	struct config config;
	struct ledger *ledger;
	struct reconcile_view view;
	struct steps_log failed;
};

static void settle_done(struct settle *run)
{
	steps_log_done(&run->failed);
	view_done(&run->view);
	ledger_close(run->ledger);
	config_done(&run->config);
	env_done(&run->env);
}

/* A reconcile that makes people beside us asks systemd for a settle at its end, and systemd takes us
 * for that: who came meanwhile is ours. */
static int run_rounds(struct settle *run, struct dv_error *err)
{
	const struct pass_options options = { .view = &run->view, .failed = &run->failed };
	struct step_context context = { .env = &run->env,
					.config = &run->config,
					.machine = &run->view };
	int r = pass_run(&options, STEP_SETTLE, NULL, err);

	for (int round = 1; r == 0 && round < MAX_ROUNDS && fence_is_outdated(&context); round++) {
		(void)poll(NULL, 0, ROUND_PAUSE_MS);
		free(run->view.fence_text);
		run->view.fence_text = NULL;
		r = pass_run(&options, STEP_SETTLE, NULL, err);
	}
	return r;
}

static int run_settle(struct settle *run, int *ret_lock_fd, struct dv_error *err)
{
	int r = env_init(&run->env, "/", err);

	if (r == 0)
		r = settings_load(&run->config, &run->env, err);
	if (r == 0)
		r = *ret_lock_fd =
			lock_take(&run->env, LOCK_SETTLE, clock_deadline_ms(LOCK_DEADLINE_MS), err);
	if (r >= 0)
		r = ledger_open(&run->ledger, &run->env, LEDGER_WRITE, LEDGER_BUSY_MS, err);
	if (r == 0)
		r = view_init(&run->view, &run->env, &run->config, run->ledger, err);
	if (r == 0)
		r = steps_log_list_failed(run->ledger, &run->failed, err);
	return r < 0 ? r : run_rounds(run, err);
}

int job_settle(int argc, char **argv DV_UNUSED)
{
	DV_CLEANUP(settle_done) struct settle run = { .env = ENV_EMPTY };
	DV_AUTO_CLOSE int lock_fd = -1;
	struct dv_error err = { "" };

	if (argc > 1) {
		log_error("usage: devvm-job settle");
		return JOB_USAGE;
	}
	if (run_settle(&run, &lock_fd, &err) < 0) {
		log_error("settle: %s", err.text);
		return JOB_FAILED;
	}
	return JOB_OK;
}
