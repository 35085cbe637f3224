/* drain.c - see drain.h.
 *
 * Model: what there is to give is the version that is current, or a newer one that a run has let through its gate
 * and could give to nobody, everybody being at work; with the first who gets that one it becomes current. Who is
 * asked are those whom a run has passed over. Those who are at work still are put off once more without a run: the
 * journal of runs tells of what was done.
 */
#include "rollout/drain.h"

#include <string.h>

#include "base/clock.h"
#include "ledger/known_bad.h"
#include "ledger/moves.h"
#include "ledger/update_notes.h"
#include "move/turn.h"
#include "rollout/canary.h"
#include "rollout/people.h"
#include "rollout/run.h"
#include "rollout/waiting.h"
#include "steps/hold.h"
#include "steps/lock.h"
#include "update/version.h"
#include "update/window.h"

struct drain {
	struct rollout *rollout;
	struct people people;
	struct deferrals deferrals;
	char version[STORE_VERSION_BYTES]; /* that there is to give */
	struct str_list idle;		   /* who can have it now */
	unsigned int n_waiting;
	char own[STORE_VERSION_BYTES]; /* that the last of them has */
	char why[DEFERRALS_WHY_BYTES]; /* and what keeps them */
};

static void drain_done(struct drain *drain)
{
	people_done(&drain->people);
	deferrals_done(&drain->deferrals);
	str_list_done(&drain->idle);
}

static bool is_outside(const struct rollout *rollout)
{
	return rollout->of_timer &&
	       !window_has(&rollout->config.update_drain_window,
			   window_minute_at(rollout->env.wall_usec(&rollout->env)));
}

/* ---- what there is to give ------------------------------------------------------------ */

static int may_be_given(struct drain *drain, const char *version, bool *ret_may,
			struct dv_error *err)
{
	struct rollout *rollout = drain->rollout;
	DV_AUTO_STR_LIST struct str_list excluded = { 0 };
	DV_AUTO_FREE char *bad = NULL;
	const char *pin = rollout->config.t3_pin;
	bool was_gated = false;
	int r = known_bad_reason(rollout->ledger, version, &bad, err);

	if (r == 0)
		r = update_was_gated(rollout->ledger, version, &was_gated, &excluded, err);
	*ret_may = r == 0 && !bad && was_gated && (!pin || strcmp(pin, version) == 0) &&
		   store_has(&rollout->env, ROLLOUT_ITEM, version);
	return r;
}

static int find_version(struct drain *drain, struct dv_error *err)
{
	struct rollout *rollout = drain->rollout;
	bool was_gated = false;
	int r = store_get_pointer(&rollout->env, ROLLOUT_ITEM, NULL, drain->version, err);

	for (size_t i = 0; r == 0 && i < drain->deferrals.n_rows; i++) {
		const char *version = drain->deferrals.rows[i].version;
		bool may = false;

		if (!version_is_before(drain->version, version))
			continue;
		r = may_be_given(drain, version, &may, err);
		if (r == 0 && may)
			(void)snprintf(drain->version, sizeof(drain->version), "%s", version);
	}
	/* Whom the gate found not to go with it. */
	if (r == 0)
		r = update_was_gated(rollout->ledger, drain->version, &was_gated,
				     &rollout->excluded, err);
	return r;
}

/* ---- who can have it ------------------------------------------------------------------ */

/* "" in drain->why: nothing. Asked again, and more closely, when they are moved. */
static int find_why_not(struct drain *drain, const struct people_row *person, struct dv_error *err)
{
	struct rollout *rollout = drain->rollout;
	const struct deferral *deferral = deferrals_find(&drain->deferrals, person->name);
	enum turn_verdict verdict = TURN_UNSET;
	DV_AUTO_CLOSE int lock_fd = -1;

	drain->why[0] = '\0';
	if (rollout_is_to_wait(rollout, deferral, drain->why))
		return 0;
	lock_fd = lock_take(&rollout->env, person->name, clock_now_ms(), err);
	if (lock_fd < 0 && lock_fd != -ETIMEDOUT)
		return lock_fd;
	if (lock_fd < 0)
		(void)snprintf(drain->why, sizeof(drain->why), "another job is at work on them");
	else if (hold_is_set(&rollout->env, person->name))
		(void)snprintf(drain->why, sizeof(drain->why), "they are on hold");
	else
		return turn_look(&rollout->env, rollout->manager, person->name, &verdict,
				 drain->why, err);
	return 0;
}

static bool is_asked(const struct drain *drain, const struct people_row *person)
{
	const struct deferral *deferral = deferrals_find(&drain->deferrals, person->name);

	if (!rollout_is_served(person))
		return false;
	if (drain->rollout->only)
		return strcmp(person->name, drain->rollout->only) == 0;
	return deferral && strcmp(deferral->version, drain->version) == 0;
}

static int ask(struct drain *drain, const struct people_row *person, struct dv_error *err)
{
	struct rollout *rollout = drain->rollout;
	int r = store_get_pointer(&rollout->env, ROLLOUT_ITEM, person->name, drain->own, err);

	if (r < 0 || !*drain->own || !*drain->version || strcmp(drain->own, drain->version) == 0 ||
	    version_is_before(drain->version, drain->own))
		return r;
	drain->n_waiting++;
	r = find_why_not(drain, person, err);
	if (r == 0 && *drain->why)
		return rollout_put_off(rollout, person->name, drain->version, drain->why, err);
	if (r == 0 && str_list_add(&drain->idle, person->name) < 0)
		r = dv_fail(err, -ENOMEM, "list who waits for an update");
	return r;
}

static int find_waiting(struct drain *drain, struct dv_error *err)
{
	struct rollout *rollout = drain->rollout;
	int r = people_list(rollout->ledger, &drain->people, err);

	if (r == 0)
		r = deferrals_list(rollout->ledger, &drain->deferrals, err);
	if (r == 0)
		r = find_version(drain, err);
	for (size_t i = 0; r == 0 && i < drain->people.n_rows; i++) {
		if (is_asked(drain, &drain->people.rows[i]))
			r = ask(drain, &drain->people.rows[i], err);
	}
	return r;
}

/* ---- what is said --------------------------------------------------------------------- */

static void say_kept(struct rollout *rollout, const char *own, const char *why)
{
	(void)snprintf(rollout->text, sizeof(rollout->text),
		       "%s keeps t3 %s for now: %.200s; nothing was interrupted: ask again when "
		       "that has ended, or leave it to the night (update.drain_window)",
		       rollout->only, own, why);
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
		say_kept(rollout, row->from, row->reason);
	else if (row)
		(void)snprintf(
			rollout->text, sizeof(rollout->text),
			"%s keeps t3 %s, with their data as it was: %.200s; an administrator "
			"sees more in devvmctl events",
			row->name, row->from, row->reason);
}

/* Nobody can have anything now. */
static enum update_outcome end_without(struct drain *drain)
{
	struct rollout *rollout = drain->rollout;

	if (drain->n_waiting > 0 && rollout->only)
		say_kept(rollout, drain->own, drain->why);
	else if (drain->n_waiting > 0)
		(void)snprintf(rollout->text, sizeof(rollout->text),
			       "t3 %s: %u wait for it, and can not have it now: devvmctl status",
			       drain->version, drain->n_waiting);
	else if (rollout->only)
		(void)snprintf(rollout->text, sizeof(rollout->text), "%s has t3 %s already",
			       rollout->only, *drain->own ? drain->own : drain->version);
	else
		(void)snprintf(rollout->text, sizeof(rollout->text), "nobody waits for t3 %s",
			       drain->version);
	return drain->n_waiting > 0 ? UPDATE_DEFERRED : UPDATE_CURRENT;
}

/* ---- the whole ------------------------------------------------------------------------ */

static enum update_outcome run_locked(struct rollout *rollout)
{
	DV_CLEANUP(drain_done) struct drain drain = { .rollout = rollout };
	enum update_outcome outcome;
	struct dv_error err = { "" };
	int r;

	if (rollout_is_frozen(rollout))
		return UPDATE_FROZEN;
	r = find_waiting(&drain, &err);
	if (r == 0 && drain.idle.n_items == 0)
		return end_without(&drain);
	if (r == 0)
		r = rollout_open(rollout, &err);
	if (r == 0)
		r = update_log_target(rollout->ledger, rollout->id, drain.version, "", &err);
	if (r < 0)
		return rollout_end_with(rollout, UPDATE_FAILED, &err);
	(void)snprintf(rollout->candidate.version, sizeof(rollout->candidate.version), "%s",
		       drain.version);
	outcome = rollout_canary_of(rollout, drain.version, &drain.idle);
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
	/* That nothing could be done is no news, 96 times a day. */
	if (!rollout->of_timer || rollout->id > 0 || outcome == UPDATE_FAILED)
		r = rollout_close(rollout, outcome, err);
	if (r == 0)
		*ret_outcome = outcome;
	return r;
}
