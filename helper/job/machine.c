/* machine.c - devvm-job machine: what is slow and needs a network, once for the machine.
 *
 * Root, hourly and when asked for. Its steps have results in the ledger as the reconcile's;
 * one that failed is tried again by the next run. One run at a time: whoever comes second
 * has nothing to do.
 */
#include "job/jobs.h"

#include <string.h>
#include <sys/prctl.h>

#include "base/clock.h"
#include "base/log.h"
#include "job/pass.h"
#include "steps/lock.h"
#include "units/manager.h"

#define LOCK_DEADLINE_MS 60000
#define LEDGER_BUSY_MS 10000
#define LOCK_RUN "@machine-job"

struct machine {
	struct env env;
	struct config config;
	struct ledger *ledger;
	struct reconcile_view view; /* of these three; no step here asks for accounts */
	struct steps_log failed;
};

static void machine_done(struct machine *run)
{
	steps_log_done(&run->failed);
	view_done(&run->view);
	ledger_close(run->ledger);
	config_done(&run->config);
	env_done(&run->env);
}

static int run_steps(struct machine *run, bool dry_run, struct dv_error *err)
{
	int r = ledger_open(&run->ledger, &run->env, dry_run ? LEDGER_SCRATCH : LEDGER_WRITE,
			    LEDGER_BUSY_MS, err);

	if (r == 0)
		r = steps_log_list_failed(run->ledger, &run->failed, err);
	if (r < 0)
		return r;
	run->view = (struct reconcile_view){ .env = &run->env,
					     .config = &run->config,
					     .ledger = run->ledger };
	return pass_run(&(struct pass_options){ .view = &run->view,
						.failed = &run->failed,
						.dry_run = dry_run },
			STEP_MACHINE, NULL, err);
}

/* A rotated token is to reach people now. A start of a reconcile that runs already is merged into
 * that run, which may have read the old one: so it is started once more when that has ended. */
static void tell_people(const struct machine *run)
{
	static const char *const units[] = { "devvm-reconcile.service" };
	DV_AUTO_MANAGER struct manager *manager = NULL;
	struct dv_error err = { "" };
	int r;

	if (!run->view.secrets_changed)
		return;
	r = manager_open(&manager, &err);
	/* The first may have been under way before this one. */
	for (int i = 0; r == 0 && i < 2; i++)
		r = manager_act(manager, MANAGER_START, units, 1, &err);
	if (r < 0)
		log_warning("people get the new secrets with the next reconcile: %s", err.text);
}

int job_machine(int argc, char **argv)
{
	DV_CLEANUP(machine_done) struct machine run = { .env = ENV_EMPTY };
	DV_AUTO_CLOSE int lock_fd = -1;
	struct dv_error err = { "" };
	bool dry_run = argc == 2 && strcmp(argv[1], "--dry-run") == 0;
	int r;

	if (argc > 1 && !dry_run) {
		log_error("usage: devvm-job machine [--dry-run]");
		return JOB_USAGE;
	}
	/* It holds secrets: no core file, no debugger but root's. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		log_warning("this process may leave a core file: %s", strerror(errno));
	r = env_init(&run.env, "/", &err);
	if (r == 0)
		r = config_load(&run.config, &run.env, &err);
	if (r == 0 && !dry_run) {
		lock_fd = lock_take(&run.env, LOCK_RUN, clock_deadline_ms(LOCK_DEADLINE_MS), &err);
		r = lock_fd < 0 ? lock_fd : 0;
	}
	if (r == 0)
		r = run_steps(&run, dry_run, &err);
	dv_closep(&lock_fd);
	lock_fd = -1;
	tell_people(&run);
	if (r < 0)
		log_error("machine: %s", err.text);
	return r < 0 ? JOB_FAILED : JOB_OK;
}
