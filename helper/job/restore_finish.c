/* restore_finish.c - a restore from its row in the ledger to its end, by whoever comes to it. See restore.h. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "job/restore.h"
#include "ledger/events.h"
#include "move/letin.h"
#include "move/systemctl.h"
#include "steps/hold.h"
#include "steps/lock.h"
#include "steps/staging.h"
#include "store/store.h"
#include "t3/program.h"

#define LOCK_MS 60000
#define STOP_MS 60000
#define COME_UP_MS 60000

static int start_again(const struct restore *run, struct dv_error *err)
{
	const struct letin letin = { .env = &run->env,
				     .person = &run->person,
				     .version = *run->row.version ? run->row.version : NULL,
				     .start_ms = COME_UP_MS };
	DV_AUTO_SECRET struct secret cookies = { 0 };
	int r = letin_start(&letin, err);

	return r < 0 ? r : letin_pair(&letin, &cookies, err);
}

static const char *describe_t3(const struct restore *run, bool is_held, int started)
{
	if (started < 0)
		return ". Their t3 does not let in: ";
	if (is_held)
		return "; they stay on hold, which somebody has set by hand";
	return run->row.was_running ? "; their t3 runs and lets in"
				    : "; their t3 starts when they come";
}

static int release(struct restore *run, char ret_done[static ERROR_MAX_BYTES], struct dv_error *err)
{
	const struct placing placing = restore_placing(run);
	char aside[PLACING_ASIDE_BYTES], version[RESTORE_VERSION_TEXT_BYTES];
	struct dv_error why = { "" }, ignored = { "" };
	int started = 0, r = hold_lift(&run->env, run->row.name, err);
	bool is_held = r == 0 && hold_is_set(&run->env, run->row.name);

	placing_aside(&placing, aside);
	if (r == 0 && run->row.was_running && !is_held)
		started = start_again(run, &why);
	if (r == 0)
		r = restores_end(run->ledger, run->row.name, err);
	if (r < 0)
		return r;
	DV_IGNORE(restore_find_own(run, &ignored)); /* it is only named */
	restore_name_version(run, " and t3 ", version);
	(void)snprintf(ret_done, ERROR_MAX_BYTES,
		       "%s has the copy %s%s; what was there is in %s%s%.200s", run->row.name,
		       run->row.id, version, aside, describe_t3(run, is_held, started),
		       started < 0 ? why.text : "");
	log_write(LOG_NOTICE, &(struct log_fields){ .user = run->row.name, .step = "restore" },
		  "%s", ret_done);
	r = events_add(run->ledger, run->env.wall_usec(&run->env), LOG_NOTICE, run->row.name,
		       "restore", ret_done, err);
	return r < 0 ? r : started < 0 ? dv_refuse(err, started, "%s", ret_done) : 0;
}

/* The row as it is under the lock: whoever wrote it may have come to its end meanwhile. -ESTALE: it is gone. */
static int read_row(struct restore *run, struct dv_error *err)
{
	DV_AUTO_RESTORES struct restores restores = { 0 };
	int r = restores_list(run->ledger, &restores, err);

	for (size_t i = 0; r == 0 && i < restores.n_rows; i++) {
		if (strcmp(restores.rows[i].name, run->row.name) != 0)
			continue;
		run->row = restores.rows[i];
		return 0;
	}
	return r < 0 ? r : dv_refuse(err, -ESTALE, "it is finished");
}

static int set_pointer(const struct restore *run, struct dv_error *err)
{
	DV_AUTO_CLOSE int lock_fd = -1;

	if (!*run->row.version)
		return 0;
	lock_fd = staging_lock(&run->env, T3_ITEM, err);
	return lock_fd < 0 ? lock_fd
			   : store_set_pointer(&run->env, T3_ITEM, run->row.name, run->row.version,
					       err);
}

static int hold_and_place(const struct restore *run, struct dv_error *err)
{
	const struct placing placing = restore_placing(run);
	char why[64];
	int r;

	(void)snprintf(why, sizeof(why), HOLD_OF_RESTORE "%s", run->row.id);
	r = hold_set(&run->env, run->row.name, why, err);
	if (r == 0)
		r = systemctl_run("stop", "t3-serve@", run->row.name, STOP_MS, err);
	if (r == 0)
		r = set_pointer(run, err);
	return r < 0 ? r : placing_run(&placing, err);
}

/* Without the hold nothing was stopped yet, and whatever they are at now is of after the kill. */
static int check_begun(const struct restore *run, struct dv_error *err)
{
	int r = 0;

	if (run->row.state == RESTORE_HELD && !hold_is_set(&run->env, run->row.name))
		r = restore_check_idle(run, err);
	return r < 0 ? dv_prefix(err, r,
				 "it was killed before anything was changed: systemctl start "
				 "devvm-recover, or devvmctl restore %s ID, goes on",
				 run->row.name)
		     : 0;
}

int restore_finish(struct restore *run, char ret_done[static ERROR_MAX_BYTES], struct dv_error *err)
{
	const char *name = run->row.name;
	bool is_recovered = run->lock_fd < 0;
	int r;

	if (is_recovered)
		run->lock_fd = lock_take(&run->env, name, clock_deadline_ms(LOCK_MS), err);
	r = run->lock_fd < 0 ? run->lock_fd : read_row(run, err);
	if (r == 0 && is_recovered)
		r = check_begun(run, err);
	if (r == 0 && run->row.state == RESTORE_HELD) {
		r = hold_and_place(run, err);
		if (r < 0)
			return dv_prefix(err, r,
					 "it is not finished, and nothing of %s starts until "
					 "systemctl start devvm-recover, or devvmctl restore %s "
					 "ID, has come to its end",
					 name, name);
		r = restores_note(run->ledger, name, RESTORE_PLACED, err);
	}
	return r < 0 ? r : release(run, ret_done, err);
}

/* ---- recovering ----------------------------------------------------------------------- */

/* Whoever holds the person's lock is at it. */
static bool is_under_way(const struct restore *run)
{
	struct dv_error err = { "" };
	DV_AUTO_CLOSE int lock_fd = lock_take(&run->env, run->row.name, clock_now_ms(), &err);

	return lock_fd == -ETIMEDOUT;
}

static int recover_one(const struct restore_row *row, struct dv_error *err)
{
	DV_CLEANUP(restore_done) struct restore run = RESTORE_EMPTY;
	char done[ERROR_MAX_BYTES] = "";
	int r;

	run.row = *row;
	r = restore_open(&run, err);
	if (r == 0 && is_under_way(&run))
		return 0;
	if (r == 0)
		r = restore_find_person(&run, err);
	if (r == 0)
		r = restore_finish(&run, done, err);
	return r == -ESTALE ? 0 : r;
}

int restore_recover(bool *ret_is_whole, struct dv_error *err)
{
	DV_CLEANUP(restore_done) struct restore run = RESTORE_EMPTY;
	DV_AUTO_RESTORES struct restores restores = { 0 };
	struct dv_error why = { "" };
	int r = restore_open(&run, err);

	if (r == 0)
		r = restores_list(run.ledger, &restores, err);
	if (r < 0)
		return r;
	*ret_is_whole = true;
	for (size_t i = 0; i < restores.n_rows; i++) {
		if (recover_one(&restores.rows[i], &why) == 0)
			continue;
		log_error("the restore of %s is not finished%s: %s", restores.rows[i].name,
			  hold_is_set(&run.env, restores.rows[i].name)
				  ? ", and nothing of theirs starts"
				  : "",
			  why.text);
		*ret_is_whole = false;
	}
	return 0;
}
