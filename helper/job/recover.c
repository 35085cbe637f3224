/* recover.c - devvm-job recover: what a kill or a power loss has left between two states is finished or undone.
 *
 * Restores first: they name what is somebody's data. Then the updater's run. Both go by what the ledger says, may be
 * done again at any time, and leave alone whatever is under way.
 */
#include "base/log.h"
#include "job/jobs.h"
#include "job/restore.h"
#include "rollout/recover.h"

/* One that runs now recovers by itself what was before it. */
static int recover_updates(struct dv_error *err)
{
	DV_CLEANUP(rollout_done) struct rollout rollout = { .env = ENV_EMPTY, .recovers = true };
	DV_AUTO_CLOSE int lock_fd = -1;
	int r = rollout_set_up(&rollout, err);

	if (r < 0)
		return r;
	lock_fd = rollout_lock(&rollout, err);
	if (lock_fd < 0)
		return lock_fd == -ETIMEDOUT ? 0 : lock_fd;
	return rollout_recover(&rollout, err);
}

int job_recover(int argc, char **argv DV_UNUSED)
{
	struct dv_error err = { "" };
	bool is_whole = false;
	int restored, updated;

	if (argc != 1) {
		log_error("usage: devvm-job recover");
		return JOB_USAGE;
	}
	restored = restore_recover(&is_whole, &err);
	if (restored < 0)
		log_error("recover: %s", err.text);
	updated = recover_updates(&err);
	if (updated < 0)
		log_error("recover: %s", err.text);
	return restored < 0 || updated < 0 || !is_whole ? JOB_FAILED : JOB_OK;
}
