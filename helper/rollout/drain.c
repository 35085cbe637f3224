/* drain.c - see drain.h. */
#include "rollout/drain.h"

#include <string.h>

#include "ledger/deferrals.h"
#include "ledger/moves.h"
#include "rollout/canary.h"
#include "rollout/run.h"
#include "update/window.h"

static bool is_outside(const struct update *update)
{
	return update->of_timer &&
	       !window_has(&update->config.update_drain_window,
			   window_minute_at(update->env.wall_usec(&update->env)));
}

/* Whether there is anything to do for whom this is about. */
static int find_waiting(struct update *update, char ret_version[static STORE_VERSION_BYTES],
			bool *ret_has, struct dv_error *err)
{
	DV_AUTO_DEFERRALS struct deferrals deferrals = { 0 };
	char own[STORE_VERSION_BYTES] = "";
	int r = store_get_pointer(&update->env, UPDATE_ITEM, NULL, ret_version, err);

	*ret_has = false;
	if (r == 0 && update->only) {
		r = store_get_pointer(&update->env, UPDATE_ITEM, update->only, own, err);
		*ret_has = *own && strcmp(own, ret_version) != 0;
		return r;
	}
	if (r == 0)
		r = deferrals_list(update->ledger, &deferrals, err);
	for (size_t i = 0; r == 0 && i < deferrals.n_rows; i++)
		*ret_has |= strcmp(deferrals.rows[i].version, ret_version) == 0;
	return r;
}

/* Whoever asked for themself hears what keeps them, and what they can do. */
static void describe_only(struct update *update, enum update_outcome outcome)
{
	DV_AUTO_MOVES struct moves moves = { 0 };
	const struct move_row *row = NULL;
	struct dv_error err = { "" };

	if (!update->only || (outcome != UPDATE_DONE && outcome != UPDATE_DEFERRED) ||
	    moves_list(update->ledger, update->id, &moves, &err) < 0)
		return; /* the sentence for all will do */
	for (size_t i = 0; i < moves.n_rows; i++) {
		if (strcmp(moves.rows[i].name, update->only) == 0)
			row = &moves.rows[i];
	}
	if (row && row->state == UPDATE_STATE_MOVED)
		(void)snprintf(update->text, sizeof(update->text), "%s has t3 %s now, after %s",
			       row->name, row->to, row->from);
	else if (row && row->state == UPDATE_STATE_DEFERRED)
		(void)snprintf(
			update->text, sizeof(update->text),
			"%s keeps t3 %s for now: %.200s; nothing was interrupted: ask again when "
			"that has ended, or leave it to the night (update.drain_window)",
			row->name, row->from, row->reason);
	else if (row)
		(void)snprintf(
			update->text, sizeof(update->text),
			"%s keeps t3 %s, with their data as it was: %.200s; an administrator "
			"sees more in devvmctl events",
			row->name, row->from, row->reason);
}

static enum update_outcome run_locked(struct update *update)
{
	enum update_outcome outcome;
	char version[STORE_VERSION_BYTES] = "";
	struct dv_error err = { "" };
	bool has = false;
	int r = find_waiting(update, version, &has, &err);

	if (r == 0 && !has) {
		(void)snprintf(update->text, sizeof(update->text),
			       update->only ? "%s has t3 %s already" : "%snobody waits for t3 %s",
			       update->only ? update->only : "", version);
		return UPDATE_CURRENT;
	}
	if (r == 0 && update_is_frozen(update))
		return UPDATE_FROZEN;
	if (r == 0)
		r = update_open(update, &err);
	if (r == 0)
		r = update_log_target(update->ledger, update->id, version, "", &err);
	if (r < 0)
		return update_end_with(update, UPDATE_FAILED, &err);
	outcome = rollout_canary_waiting(update);
	describe_only(update, outcome);
	return outcome;
}

int rollout_drain(struct update *update, enum update_outcome *ret_outcome, struct dv_error *err)
{
	DV_AUTO_CLOSE int lock_fd = -1;
	enum update_outcome outcome = UPDATE_CURRENT;
	int r = 0;

	if (is_outside(update)) {
		*ret_outcome = outcome;
		return 0;
	}
	lock_fd = update_lock(update, err);
	if (lock_fd == -ETIMEDOUT)
		(void)dv_refuse(err, lock_fd, "an update is under way");
	if (lock_fd >= 0)
		outcome = run_locked(update);
	else
		outcome = update_end_with(update,
					  lock_fd == -ETIMEDOUT ? UPDATE_BUSY : UPDATE_FAILED, err);
	/* A look that found nobody is no news, 96 times a day. */
	if (!update->of_timer || update->id > 0 || outcome != UPDATE_CURRENT)
		r = update_close(update, outcome, err);
	if (r == 0)
		*ret_outcome = outcome;
	return r;
}
