/* hold.c - devvm-job hold: at a boot, before anything of anybody's starts, who is between two versions of t3 is held.
 *
 * A move takes its hold away before the new version starts (move/move.h), so after a power loss the boot, a login or
 * a visit would start that version, on data that devvm-recover may put back. It cannot be ordered before them
 * itself: it starts what it recovers, and waits for it. So this only sets the holds, and devvm-recover releases them.
 *
 * It asks nobody but the disk, and changes nothing of the ledger. Where a run of the updater or a recovery is at
 * work, its people are its own business: the lock of the runs says so. A ledger that cannot be read holds nobody.
 */
#include "base/clock.h"
#include "base/log.h"
#include "job/jobs.h"
#include "move/between.h"
#include "steps/lock.h"

#define LEDGER_BUSY_MS 2000

static int hold(const struct env *env, struct dv_error *err)
{
	DV_AUTO_LEDGER struct ledger *ledger = NULL;
	DV_AUTO_MOVES struct moves moves = { 0 };
	DV_AUTO_CLOSE int lock_fd = lock_take(env, LOCK_UPDATE, clock_now_ms(), err);
	int r;

	if (lock_fd < 0)
		return lock_fd == -ETIMEDOUT ? 0 : lock_fd;
	r = ledger_open(&ledger, env, LEDGER_SCRATCH, LEDGER_BUSY_MS, err);
	if (r == 0)
		r = moves_list(ledger, MOVES_ALL_RUNS, &moves, err);
	return r < 0 ? r : between_hold_all(env, &moves, err);
}

int job_hold(int argc, char **argv DV_UNUSED)
{
	DV_AUTO_ENV struct env env = ENV_EMPTY;
	struct dv_error err = { "" };
	int r;

	if (argc != 1) {
		log_error("usage: devvm-job hold");
		return JOB_USAGE;
	}
	r = env_init(&env, "/", &err);
	if (r == 0)
		r = hold(&env, &err);
	if (r < 0)
		log_error("hold: %s; nobody is held, whoever may be between two versions of t3",
			  err.text);
	return r < 0 ? JOB_FAILED : JOB_OK;
}
