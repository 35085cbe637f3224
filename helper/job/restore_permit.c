/* restore_permit.c - whether a restore may be, under the locks that keep it so. See restore.h. */
#include "base/clock.h"
#include "job/restore.h"
#include "move/busy.h"
#include "steps/hold.h"
#include "steps/lock.h"
#include "store/store.h"
#include "t3/program.h"

#define LOCK_MS 60000
#define STUCK_LOCK_MS 5000 /* whoever is at somebody on hold is about to finish that */
#define UNIT_BYTES (64 + STR_USER_NAME_MAX)

int restore_check_idle(const struct restore *run, struct dv_error *err)
{
	char unit[UNIT_BYTES];
	const struct busy_question question = { .env = &run->env,
						.unit = unit,
						.uid = (uid_t)run->person.uid,
						.port = run->person.ports[PEOPLE_PORT_T3] };
	struct busy_answer answer;

	(void)snprintf(unit, sizeof(unit), "t3-serve@%s.service", run->row.name);
	if (run->is_forced || !restore_is_running(run))
		return 0;
	busy_look(&question, &answer);
	return answer.verdict == BUSY_IDLE
		       ? 0
		       : dv_refuse(err, -EBUSY,
				   "%s is at work (%s): wait, or say --force, which ends what "
				   "their t3 does",
				   run->row.name, answer.why);
}

/* ---- instead of what is not finished -------------------------------------------------- */

/* The newest copy may be the one that it is stuck with, so which one it is has to be said. */
static int refuse_unsaid(const struct restore *run, struct dv_error *err)
{
	char what[UNFINISHED_TEXT_BYTES];
	const char *name = run->row.name;

	unfinished_describe(&run->stuck, what);
	return dv_refuse(err, -EBUSY,
			 "%s is on hold already: %s is under way, or does not come to its end. "
			 "systemctl start devvm-recover tries that again; devvmctl restore %s ID "
			 "puts one of their copies there instead (devvmctl backups %s lists them)",
			 name, what, name, name);
}

/* A run of the updater, or the recovery of one, would go on with what it has read of the move. */
static int take_run_lock(struct restore *run, struct dv_error *err)
{
	run->run_fd = lock_take(&run->env, LOCK_UPDATE, clock_now_ms(), err);
	if (run->run_fd == -ETIMEDOUT)
		return dv_refuse(err, -EBUSY,
				 "a run of the updater is under way, which may be at work on %s: "
				 "try again when it has ended (devvmctl status)",
				 run->row.name);
	return run->run_fd < 0 ? run->run_fd : 0;
}

/* An older t3 on a newer database starts, and lets nobody in. */
static int check_level(const struct restore *run, struct dv_error *err)
{
	DV_AUTO_BACKUPS struct backups backups = { 0 };
	int r = run->stuck.level < 0 ? 0 : backups_list(run->ledger, run->row.name, &backups, err);

	for (size_t i = 0; r == 0 && i < backups.n_rows; i++) {
		const struct backups_row *copy = &backups.rows[i];

		if (str_equal(copy->id, run->row.id) && copy->level > run->stuck.level)
			r = dv_refuse(err, -EINVAL,
				      "the copy %s is of a newer t3 than the %s that %s goes back "
				      "to: take an older one of devvmctl backups %s (level %lld "
				      "or lower)",
				      run->row.id, run->row.version, run->row.name, run->row.name,
				      (long long)run->stuck.level);
	}
	return r;
}

int restore_check_version(const struct restore *run, struct dv_error *err)
{
	if (!*run->row.version || store_has(&run->env, T3_ITEM, run->row.version))
		return 0;
	return dv_refuse(err, -ENOENT,
			 "t3 %s, which %s goes back to, is not on this machine any more: "
			 "devvmctl install t3 %s brings it",
			 run->row.version, run->row.name, run->row.version);
}

static int permit_instead(struct restore *run, struct dv_error *err)
{
	int r = run->stuck.has_move ? take_run_lock(run, err) : 0;
	bool leads_back = false;

	(void)snprintf(run->row.version, sizeof(run->row.version), "%s", run->stuck.version);
	/* A move leads back to where it came from; what a restore was to lead to is another's business. */
	if (r == 0 && !run->stuck.has_move)
		r = restore_choose_version(run, &leads_back, err);
	if (r == 0 && !leads_back)
		r = restore_check_version(run, err);
	if (r == 0 && !leads_back)
		r = check_level(run, err);
	/* Whether they are let in again is what it is for. */
	run->row.was_running = !run->person.parked;
	return r;
}

/* ---- all of it ------------------------------------------------------------------------ */

static int check_hold(const struct restore *run, struct dv_error *err)
{
	if (!hold_is_set(&run->env, run->row.name))
		return 0;
	return dv_refuse(err, -EBUSY, "%s is on hold already: /" HOLD_FOLDER "/%s says by whom",
			 run->row.name, run->row.name);
}

static int look_stuck(struct restore *run, struct dv_error *err)
{
	int r = unfinished_find(run->ledger, run->row.name, &run->stuck, err);

	return r == 0 && unfinished_is_any(&run->stuck) && !run->is_said ? refuse_unsaid(run, err)
									 : r;
}

static int take_lock(struct restore *run, struct dv_error *err)
{
	int64_t wait_ms = unfinished_is_any(&run->stuck) ? STUCK_LOCK_MS : LOCK_MS;

	run->lock_fd = lock_take(&run->env, run->row.name, clock_deadline_ms(wait_ms), err);
	if (run->lock_fd == -ETIMEDOUT)
		return dv_refuse(err, -EBUSY,
				 "another job is at work on %s: try again when it has ended",
				 run->row.name);
	return run->lock_fd < 0 ? run->lock_fd : 0;
}

static int check(struct restore *run, struct dv_error *err)
{
	int r = look_stuck(run, err);

	return r == 0 && !unfinished_is_any(&run->stuck) ? check_hold(run, err) : r;
}

int restore_permit(struct restore *run, struct dv_error *err)
{
	bool leads_back = false;

	/* Who is on hold need not wait for the lock to hear it; but only what is seen under it counts. */
	int r = check(run, err);

	if (r == 0)
		r = take_lock(run, err);
	if (r == 0)
		r = check(run, err);
	if (r == 0)
		r = restore_find_own(run, err);
	if (r < 0)
		return r;
	run->row.state = RESTORE_HELD;
	run->row.began_usec = run->env.wall_usec(&run->env);
	run->row.was_running = restore_is_running(run);
	r = unfinished_is_any(&run->stuck) ? permit_instead(run, err)
					   : restore_choose_version(run, &leads_back, err);
	/* Last, for the looks before it may take their time. */
	return r < 0 ? r : restore_check_idle(run, err);
}
