/* run.c - see run.h. */
#include "rollout/run.h"

#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "ledger/events.h"
#include "ledger/update_notes.h"
#include "rollout/bad.h"
#include "rollout/canary.h"
#include "rollout/gate.h"
#include "rollout/notify.h"
#include "rollout/proven.h"
#include "rollout/prune.h"
#include "rollout/recover.h"
#include "rollout/stage.h"
#include "update/window.h"

#define BOOT_ID "proc/sys/kernel/random/boot_id"
#define BOOT_ID_MAX 64

/* ---- its beginning and its end -------------------------------------------------------- */

int rollout_open(struct rollout *rollout, struct dv_error *err)
{
	char current[STORE_VERSION_BYTES];
	DV_AUTO_FREE char *boot = NULL;
	size_t n_bytes = 0;
	int r;

	/* A dry run leaves no trace: what a killed run left is not its business either. */
	if (rollout->order.dry_run)
		return rollout_find_good(rollout, current, err);
	r = rollout_recover(rollout, err);
	if (r == 0)
		r = rollout_import_bad(rollout, err);
	if (r == 0)
		r = rollout_find_good(rollout, current, err);
	if (r == 0)
		r = file_read_kernel(rollout->env.root_dirfd, BOOT_ID, BOOT_ID_MAX, &boot, &n_bytes,
				     err);
	if (r < 0)
		return r;
	boot[strcspn(boot, "\n")] = '\0';
	return update_log_begin(rollout->ledger, rollout->env.wall_usec(&rollout->env), current,
				boot, &rollout->id, err);
}

/* What has begun to be everybody's must come to its end, and a version that has failed with somebody to its verdict:
 * devvm-recover goes on with a run that is open. */
static bool is_over(struct rollout *rollout, enum update_outcome outcome)
{
	if (outcome != UPDATE_FAILED)
		return true;
	if (rollout->state == UPDATE_STATE_ROLLBACK || rollout->state == UPDATE_STATE_DONE)
		return false;
	return rollout->state != UPDATE_STATE_CANARY || !rollout_awaits_verdict(rollout);
}

int rollout_close(struct rollout *rollout, enum update_outcome outcome, struct dv_error *err)
{
	const struct update_outcome_row *row = update_outcome_row(outcome);
	int64_t now_usec = rollout->env.wall_usec(&rollout->env);
	char run[24] = "";
	bool ends = rollout->id > 0 && is_over(rollout, outcome);
	int r = 0;

	if (rollout->id > 0)
		(void)snprintf(run, sizeof(run), "%lld", (long long)rollout->id);
	log_write(row->priority,
		  &(struct log_fields){ .run = *run ? run : NULL,
					.message_id =
						rollout->order.dry_run ? NULL : row->message_id },
		  "update: %s%s", rollout->order.dry_run ? "dry run: " : "", rollout->text);
	if (!rollout->order.dry_run)
		rollout_notify(rollout, rollout->id,
			       *rollout->candidate.version ? rollout->candidate.version
							   : rollout->order.to,
			       outcome);
	if (ends)
		r = update_log_end(rollout->ledger, rollout->id, now_usec, row->name, rollout->text,
				   err);
	if (r == 0 && rollout->id > 0)
		r = events_add(rollout->ledger, now_usec, row->priority, NULL, "update",
			       rollout->text, err);
	if (r == 0 && rollout->instance)
		r = update_put_result(rollout->ledger, rollout->instance, row->name, rollout->text,
				      err);
	return r;
}

/* ---- what is between ------------------------------------------------------------------ */

/* A timer that slept through the night fires when the machine wakes up. */
static bool is_outside(struct rollout *rollout)
{
	const struct config_window *window = &rollout->config.update_window;
	unsigned int minute = window_minute_at(rollout->env.wall_usec(&rollout->env));
	char text[WINDOW_TEXT_BYTES];

	if (!rollout->of_timer || window_has(window, minute))
		return false;
	window_text(window, text);
	(void)snprintf(rollout->text, sizeof(rollout->text),
		       "it is %02u:%02u, and the nightly run begins in update.window, %s; "
		       "devvmctl update begins one now",
		       minute / 60, minute % 60, text);
	return true;
}

/* What the package itself is to blame for is for good. One that is on the machine was whole when it came. */
static void remember_fault(struct rollout *rollout, enum update_outcome outcome)
{
	const char *version = rollout->candidate.version;
	struct dv_error err = { "" };

	if ((outcome != UPDATE_INTEGRITY && outcome != UPDATE_SCRIPT) || rollout->id == 0 ||
	    store_has(&rollout->env, ROLLOUT_ITEM, version))
		return;
	if (rollout_condemn(rollout, version, rollout->id, rollout->text, &err) < 0)
		log_warning("update: %s", err.text);
}

/* The gate has let it pass, and this is a dry run: what would come next. */
static enum update_outcome plan(struct rollout *rollout)
{
	size_t n = (size_t)snprintf(rollout->text, sizeof(rollout->text),
				    "t3 %s would be given to people: the gate lets it pass",
				    rollout->candidate.version);

	for (size_t i = 0; i < rollout->excluded.n_items && n < sizeof(rollout->text); i++)
		n += (size_t)snprintf(rollout->text + n, sizeof(rollout->text) - n, "%s%s",
				      i == 0 ? ", but not with the databases of " : ", ",
				      rollout->excluded.items[i]);
	return UPDATE_PLANNED;
}

/* From a version that is staged to people who have it. */
static enum update_outcome give(struct rollout *rollout)
{
	enum update_outcome outcome = rollout_gate(rollout);

	if (outcome != UPDATE_STAGED)
		return outcome;
	if (rollout_is_frozen(rollout))
		return UPDATE_FROZEN;
	return rollout->order.dry_run ? plan(rollout) : rollout_canary(rollout);
}

/* The lock is held. */
static enum update_outcome run_locked(struct rollout *rollout)
{
	enum update_outcome outcome;
	struct dv_error err = { "" };

	if (rollout_open(rollout, &err) < 0)
		return rollout_end_with(rollout, UPDATE_FAILED, &err);
	if (is_outside(rollout))
		return UPDATE_OUTSIDE;
	if (rollout_is_frozen(rollout))
		return UPDATE_FROZEN;
	outcome = rollout_stage(rollout);
	remember_fault(rollout, outcome);
	if (outcome == UPDATE_STAGED && !rollout->order.stage_only)
		outcome = give(rollout);
	rollout_take_away(rollout);
	if (rollout->id > 0 && rollout_prune(rollout, &err) < 0)
		log_warning("update: old versions stay: %s", err.text);
	if (rollout->id > 0 && rollout_keep_bad(rollout, &err) < 0)
		log_warning("update: %s", err.text);
	return outcome;
}

int rollout_run(struct rollout *rollout, enum update_outcome *ret_outcome, struct dv_error *err)
{
	DV_AUTO_CLOSE int lock_fd = rollout_lock(rollout, err);
	enum update_outcome outcome;
	int r;

	outcome = lock_fd < 0 ? rollout_end_unlocked(rollout, lock_fd,
						     "another run of the updater is under way", err)
			      : run_locked(rollout);
	r = rollout_close(rollout, outcome, err);
	if (r == 0)
		*ret_outcome = outcome;
	return r;
}
