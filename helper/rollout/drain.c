/* drain.c - see drain.h. */
#include "rollout/drain.h"

#include <string.h>

#include "ledger/deferrals.h"
#include "ledger/moves.h"
#include "rollout/canary.h"
#include "rollout/run.h"
#include "update/window.h"

static bool is_outside(const struct rollout *rollout)
{
	return rollout->of_timer &&
	       !window_has(&rollout->config.update_drain_window,
			   window_minute_at(rollout->env.wall_usec(&rollout->env)));
}

/* Whether there is anything to do for whom this is about. */
static int find_waiting(struct rollout *rollout, char ret_version[static STORE_VERSION_BYTES],
			bool *ret_has, struct dv_error *err)
{
	DV_AUTO_DEFERRALS struct deferrals deferrals = { 0 };
	char own[STORE_VERSION_BYTES] = "";
	int r = store_get_pointer(&rollout->env, ROLLOUT_ITEM, NULL, ret_version, err);

	*ret_has = false;
	if (r == 0 && rollout->only) {
		r = store_get_pointer(&rollout->env, ROLLOUT_ITEM, rollout->only, own, err);
		*ret_has = *own && strcmp(own, ret_version) != 0;
		return r;
	}
	if (r == 0)
		r = deferrals_list(rollout->ledger, &deferrals, err);
	for (size_t i = 0; r == 0 && i < deferrals.n_rows; i++)
		*ret_has |= strcmp(deferrals.rows[i].version, ret_version) == 0;
	return r;
}

/* Whoever asked for themself hears what keeps them, and what they can do. */
static void describe_only(struct rollout *rollout, enum update_outcome outcome)
{
	DV_AUTO_MOVES struct moves moves = { 0 };
	const struct move_row *row = NULL;
	struct dv_error err = { "" };

	if (!rollout->only || (outcome != UPDATE_DONE && outcome != UPDATE_DEFERRED) ||
	    moves_list(rollout->ledger, rollout->id, &moves, &err) < 0)
		return; /* the sentence for all will do */
	for (size_t i = 0; i < moves.n_rows; i++) {
		if (strcmp(moves.rows[i].name, rollout->only) == 0)
			row = &moves.rows[i];
	}
	if (row && row->state == UPDATE_STATE_MOVED)
		(void)snprintf(rollout->text, sizeof(rollout->text), "%s has t3 %s now, after %s",
			       row->name, row->to, row->from);
	else if (row && row->state == UPDATE_STATE_DEFERRED)
		(void)snprintf(
			rollout->text, sizeof(rollout->text),
			"%s keeps t3 %s for now: %.200s; nothing was interrupted: ask again when "
			"that has ended, or leave it to the night (update.drain_window)",
			row->name, row->from, row->reason);
	else if (row)
		(void)snprintf(
			rollout->text, sizeof(rollout->text),
			"%s keeps t3 %s, with their data as it was: %.200s; an administrator "
			"sees more in devvmctl events",
			row->name, row->from, row->reason);
}

static enum update_outcome run_locked(struct rollout *rollout)
{
	enum update_outcome outcome;
	char version[STORE_VERSION_BYTES] = "";
	struct dv_error err = { "" };
	bool has = false;
	int r = find_waiting(rollout, version, &has, &err);

	if (r == 0 && !has) {
		(void)snprintf(rollout->text, sizeof(rollout->text),
			       rollout->only ? "%s has t3 %s already" : "%snobody waits for t3 %s",
			       rollout->only ? rollout->only : "", version);
		return UPDATE_CURRENT;
	}
	if (r == 0 && rollout_is_frozen(rollout))
		return UPDATE_FROZEN;
	if (r == 0)
		r = rollout_open(rollout, &err);
	if (r == 0)
		r = update_log_target(rollout->ledger, rollout->id, version, "", &err);
	if (r < 0)
		return rollout_end_with(rollout, UPDATE_FAILED, &err);
	outcome = rollout_canary_waiting(rollout);
	describe_only(rollout, outcome);
	return outcome;
}

int rollout_drain(struct rollout *rollout, enum update_outcome *ret_outcome, struct dv_error *err)
{
	DV_AUTO_CLOSE int lock_fd = -1;
	enum update_outcome outcome = UPDATE_CURRENT;
	int r = 0;

	if (is_outside(rollout)) {
		*ret_outcome = outcome;
		return 0;
	}
	lock_fd = rollout_lock(rollout, err);
	outcome = lock_fd < 0
			  ? rollout_end_unlocked(rollout, lock_fd, "an update is under way", err)
			  : run_locked(rollout);
	/* A look that found nobody is no news, 96 times a day. */
	if (!rollout->of_timer || rollout->id > 0 || outcome != UPDATE_CURRENT)
		r = rollout_close(rollout, outcome, err);
	if (r == 0)
		*ret_outcome = outcome;
	return r;
}
