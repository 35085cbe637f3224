/* run.c - see run.h. */
#include "rollout/run.h"

#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "ledger/backups.h"
#include "ledger/events.h"
#include "ledger/update_notes.h"
#include "rollout/bad.h"
#include "rollout/canary.h"
#include "rollout/gate.h"
#include "rollout/notify.h"
#include "rollout/prune.h"
#include "rollout/recover.h"
#include "rollout/stage.h"
#include "update/window.h"

#define BOOT_ID "proc/sys/kernel/random/boot_id"
#define BOOT_ID_MAX 64

/* ---- its beginning and its end -------------------------------------------------------- */

/* What a new version is held against: the last that a run has brought to its end, else what is current. */
static int find_last_good(struct update *update, const char *current, struct dv_error *err)
{
	DV_AUTO_FREE char *last_good = NULL;
	int r = update_get_last_good(update->ledger, &last_good, err);

	if (r == 0)
		(void)snprintf(update->last_good, sizeof(update->last_good), "%s",
			       *last_good && store_has(&update->env, UPDATE_ITEM, last_good)
				       ? last_good
				       : current);
	return r;
}

/* What there is to come from. */
static int look_around(struct update *update, char ret_current[static STORE_VERSION_BYTES],
		       struct dv_error *err)
{
	int r = store_get_pointer(&update->env, UPDATE_ITEM, NULL, ret_current, err);

	return r < 0 ? r : find_last_good(update, ret_current, err);
}

int update_open(struct update *update, struct dv_error *err)
{
	char current[STORE_VERSION_BYTES];
	DV_AUTO_FREE char *boot = NULL;
	size_t n_bytes = 0;
	int r;

	/* A dry run leaves no trace: what a killed run left is not its business either. */
	if (update->order.dry_run)
		return look_around(update, current, err);
	r = update_recover(update, err);
	if (r == 0)
		r = update_import_bad(update, err);
	if (r == 0)
		r = look_around(update, current, err);
	if (r == 0)
		r = file_read_kernel(update->env.root_dirfd, BOOT_ID, BOOT_ID_MAX, &boot, &n_bytes,
				     err);
	if (r < 0)
		return r;
	boot[strcspn(boot, "\n")] = '\0';
	return update_log_begin(update->ledger, update->env.wall_usec(&update->env), current, boot,
				&update->id, err);
}

int update_close(struct update *update, enum update_outcome outcome, struct dv_error *err)
{
	const struct update_outcome_row *row = update_outcome_row(outcome);
	int64_t now_usec = update->env.wall_usec(&update->env);
	char run[24] = "";
	int r = 0;

	if (update->id > 0)
		(void)snprintf(run, sizeof(run), "%lld", (long long)update->id);
	log_write(row->priority,
		  &(struct log_fields){ .run = *run ? run : NULL,
					.message_id =
						update->order.dry_run ? NULL : row->message_id },
		  "update: %s%s", update->order.dry_run ? "dry run: " : "", update->text);
	if (!update->order.dry_run)
		update_notify(update, update->id,
			      *update->candidate.version ? update->candidate.version
							 : update->order.to,
			      outcome);
	if (update->id > 0)
		r = update_log_end(update->ledger, update->id, now_usec, row->name, update->text,
				   err);
	if (r == 0 && update->id > 0)
		r = backups_let_go(update->ledger, run, err);
	if (r == 0 && update->id > 0)
		r = events_add(update->ledger, now_usec, row->priority, NULL, "update",
			       update->text, err);
	if (r == 0 && update->instance)
		r = update_put_result(update->ledger, update->instance, row->name, update->text,
				      err);
	return r;
}

/* ---- what is between ------------------------------------------------------------------ */

/* A timer that slept through the night fires when the machine wakes up. */
static bool is_outside(struct update *update)
{
	const struct config_window *window = &update->config.update_window;
	unsigned int minute = window_minute_at(update->env.wall_usec(&update->env));
	char text[WINDOW_TEXT_BYTES];

	if (!update->of_timer || window_has(window, minute))
		return false;
	window_text(window, text);
	(void)snprintf(update->text, sizeof(update->text),
		       "it is %02u:%02u, and the nightly run begins in update.window, %s; "
		       "devvmctl update begins one now",
		       minute / 60, minute % 60, text);
	return true;
}

/* What the package itself is to blame for is for good. One that is on the machine was whole when it came. */
static void remember_fault(struct update *update, enum update_outcome outcome)
{
	struct dv_error err = { "" };

	if ((outcome != UPDATE_INTEGRITY && outcome != UPDATE_SCRIPT) || update->id == 0 ||
	    store_has(&update->env, UPDATE_ITEM, update->candidate.version))
		return;
	if (update_condemn(update, update->candidate.version, update->id, update->text, &err) < 0)
		log_warning("update: %s", err.text);
}

/* The gate has let it pass, and this is a dry run: what would come next. */
static enum update_outcome plan(struct update *update)
{
	size_t n = (size_t)snprintf(update->text, sizeof(update->text),
				    "t3 %s would be given to people: the gate lets it pass",
				    update->candidate.version);

	for (size_t i = 0; i < update->excluded.n_items && n < sizeof(update->text); i++)
		n += (size_t)snprintf(update->text + n, sizeof(update->text) - n, "%s%s",
				      i == 0 ? ", but not with the databases of " : ", ",
				      update->excluded.items[i]);
	return UPDATE_PLANNED;
}

/* From a version that is staged to people who have it. */
static enum update_outcome give(struct update *update)
{
	enum update_outcome outcome = update_gate(update);

	if (outcome != UPDATE_STAGED)
		return outcome;
	if (update_is_frozen(update))
		return UPDATE_FROZEN;
	return update->order.dry_run ? plan(update) : update_canary(update);
}

/* The lock is held. */
static enum update_outcome run_locked(struct update *update)
{
	enum update_outcome outcome;
	struct dv_error err = { "" };

	if (update_open(update, &err) < 0)
		return update_end_with(update, UPDATE_FAILED, &err);
	if (is_outside(update))
		return UPDATE_OUTSIDE;
	if (update_is_frozen(update))
		return UPDATE_FROZEN;
	outcome = update_stage(update);
	remember_fault(update, outcome);
	if (outcome == UPDATE_STAGED && !update->order.stage_only)
		outcome = give(update);
	update_take_away(update);
	if (update->id > 0 && update_prune(update, &err) < 0)
		log_warning("update: old versions stay: %s", err.text);
	if (update->id > 0 && update_keep_bad(update, &err) < 0)
		log_warning("update: %s", err.text);
	return outcome;
}

int rollout_run(struct update *update, enum update_outcome *ret_outcome, struct dv_error *err)
{
	DV_AUTO_CLOSE int lock_fd = update_lock(update, err);
	enum update_outcome outcome;
	int r;

	if (lock_fd == -ETIMEDOUT)
		(void)dv_refuse(err, lock_fd, "another run of the updater is under way");
	if (lock_fd >= 0)
		outcome = run_locked(update);
	else
		outcome = update_end_with(update,
					  lock_fd == -ETIMEDOUT ? UPDATE_BUSY : UPDATE_FAILED, err);
	r = update_close(update, outcome, err);
	if (r == 0)
		*ret_outcome = outcome;
	return r;
}
