/* move.c - see move.h. */
#include "move/move.h"

#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "move/between.h"
#include "move/copying.h"
#include "move/insist.h"
#include "move/moving.h"
#include "move/still.h"
#include "store/store.h"
#include "t3/listener.h"
#include "t3/program.h"

#define SOAK_STEP_MS 5000
#define RUN_BYTES 24
#define CHANGED "the roster changed them meanwhile"

struct going {
	const struct mover *mover;
	const struct move_row *row;
};

/* What came of the new version with somebody. */
struct trial {
	bool does;
	bool is_told; /* false: it says nothing of the version that it did not */
	struct dv_error why;
};

static int defer(const struct mover *mover, struct move_row *row, const char *why,
		 enum move_outcome *ret_outcome, struct dv_error *err)
{
	*ret_outcome = MOVE_DEFERRED;
	return moving_enter(mover, row, UPDATE_STATE_DEFERRED, why, err);
}

static int copy(const struct mover *mover, const struct people_row *person, struct move_row *row,
		enum move_outcome *ret_outcome, struct dv_error *err)
{
	char run[RUN_BYTES];
	const struct copying copying = { .env = mover->env,
					 .config = mover->config,
					 .ledger = mover->ledger,
					 .reason = "update",
					 .needed_by = run };
	struct copying_result result;
	int r;

	(void)snprintf(run, sizeof(run), "%lld", (long long)row->run);
	r = copying_run(&copying, person, &result, err);
	if (r < 0)
		return r;
	if (result.outcome == COPYING_FAILED) {
		*ret_outcome = MOVE_EXCLUDED;
		r = between_release(mover->env, row, err);
		return r < 0 ? r : moving_enter(mover, row, UPDATE_STATE_EXCLUDED, result.why, err);
	}
	(void)snprintf(row->copy, sizeof(row->copy), "%s", result.id);
	row->level = result.level;
	return moving_enter(mover, row, UPDATE_STATE_COPIED,
			    result.outcome == COPYING_NONE ? "there is no database yet" : row->copy,
			    err);
}

/* The list is as old as the run: who has left or was parked meanwhile runs nothing any more. */
static int require_listed(const struct mover *mover, const struct people_row *person,
			  struct move_row *row, enum move_outcome *ret_outcome,
			  struct dv_error *err)
{
	DV_AUTO_PEOPLE_ROW struct people_row now = { 0 };
	int r = people_get(mover->ledger, person->name, &now, err);

	if (r < 0 ||
	    (now.state == PEOPLE_PRESENT && !now.parked && now.generation == person->generation))
		return r;
	*ret_outcome = MOVE_EXCLUDED;
	return moving_enter(mover, row, UPDATE_STATE_EXCLUDED, CHANGED, err);
}

static int ask_turn(void *context, enum turn_verdict *ret_verdict,
		    char ret_why[static TURN_WHY_BYTES], struct dv_error *err)
{
	const struct going *going = context;

	return turn_look(going->mover->env, going->mover->manager, going->row->name, ret_verdict,
			 ret_why, err);
}

/* Under the hold: the copy is made of what nobody writes to. */
static int stop_and_copy(const struct mover *mover, const struct people_row *person,
			 struct move_row *row, enum move_outcome *ret_outcome, struct dv_error *err)
{
	struct going going = { .mover = mover, .row = row };
	const struct still still = { .env = mover->env,
				     .manager = mover->manager,
				     .user = row->name,
				     .ask = ask_turn,
				     .context = &going };
	char why[TURN_WHY_BYTES] = "";
	int r = still_stop_if(&still, why, err);

	if (r == 0 && *why) {
		r = between_release(mover->env, row, err);
		return r < 0 ? r : defer(mover, row, why, ret_outcome, err);
	}
	return r < 0 ? r : copy(mover, person, row, ret_outcome, err);
}

/* Up to the new version under their name, with nothing of it running. */
static int hold_and_point(const struct mover *mover, const struct people_row *person,
			  struct move_row *row, enum move_outcome *ret_outcome,
			  struct dv_error *err)
{
	DV_AUTO_CLOSE int lock_fd = moving_lock(mover, row->name, err);
	char why[TURN_WHY_BYTES] = "";
	enum turn_verdict verdict = TURN_UNSET;
	int r;

	if (lock_fd == -ETIMEDOUT) /* they are being copied, or restarted by the watchdog */
		return defer(mover, row, "another job is at work on them", ret_outcome, err);
	if (lock_fd < 0)
		return lock_fd;
	r = require_listed(mover, person, row, ret_outcome, err);
	if (r < 0 || *ret_outcome != MOVE_UNSET)
		return r;
	if (hold_is_set(mover->env, row->name))
		return defer(mover, row, "they are on hold", ret_outcome, err);
	r = turn_look(mover->env, mover->manager, row->name, &verdict, why, err);
	if (r < 0 || verdict == TURN_BUSY)
		return r < 0 ? r : defer(mover, row, why, ret_outcome, err);
	row->was_running = verdict != TURN_DOWN;
	r = moving_enter(mover, row, UPDATE_STATE_HELD, "", err);
	if (r == 0)
		r = between_hold(mover->env, row, err);
	if (r == 0)
		r = stop_and_copy(mover, person, row, ret_outcome, err);
	if (r < 0 || *ret_outcome != MOVE_UNSET)
		return r;
	r = moving_enter(mover, row, UPDATE_STATE_POINTED, "", err);
	if (r == 0)
		r = moving_point(mover, row->name, row->to, err);
	return r < 0 ? r : between_release(mover->env, row, err);
}

static int soak(const struct insist *insist, const struct secret *cookies, int64_t total_ms,
		struct dv_error *err)
{
	int64_t deadline_ms = clock_deadline_ms(total_ms);
	int64_t left_ms;
	int r = insist_look(insist, cookies, err);

	while (r == 0 && (left_ms = clock_left_ms(deadline_ms)) > 0) {
		(void)poll(NULL, 0, (int)(left_ms < SOAK_STEP_MS ? left_ms : SOAK_STEP_MS));
		r = insist_look(insist, cookies, err);
	}
	return r;
}

/* Through the front door where that is on: where nobody answers there the version has not failed. */
static int pair(const struct mover *mover, const struct insist *insist, struct secret *ret_cookies,
		struct trial *trial)
{
	struct dv_error door = { "" };
	int does = insist_pair(insist, ret_cookies, &trial->why);

	if (does < 0 && letin_require_door(mover->env, &door) < 0) {
		trial->is_told = false;
		trial->why = door;
	}
	return does;
}

/* Any local user can listen on their port in the moment in which nobody does: that would be a veto for all. */
static bool is_versions_fault(const struct people_row *person, const struct insist *insist,
			      struct trial *trial)
{
	enum listener listener = LISTENER_UNSET;
	uint16_t port = (uint16_t)person->ports[PEOPLE_PORT_T3];
	struct dv_error err = { "" };

	if (insist->is_systemds)
		return false;
	if (listener_look(port, (uid_t)person->uid, &listener, &err) < 0 ||
	    listener != LISTENER_FOREIGN)
		return true;
	(void)snprintf(trial->why.text, sizeof(trial->why.text),
		       "another user's process listens on port %u, which is theirs", port);
	return false;
}

/* Negative where the ledger fails. They can work with it from the moment in which it answers. */
static int start_and_soak(const struct mover *mover, const struct people_row *person,
			  struct move_row *row, struct trial *ret_trial, struct dv_error *err)
{
	const struct letin letin = moving_letin(mover, person, row->to);
	struct insist insist = { .letin = &letin, .manager = mover->manager };
	struct trial trial = { .is_told = true };
	DV_AUTO_SECRET struct secret cookies = { 0 };
	int does = insist_start(&insist, &trial.why), r = 0;

	row->moved_usec = mover->env->wall_usec(mover->env);
	if (does == 0)
		does = pair(mover, &insist, &cookies, &trial);
	if (does == 0)
		r = moving_enter(mover, row, UPDATE_STATE_SOAKING, "", err);
	if (r == 0 && does == 0)
		does = soak(&insist, &cookies, mover->config->update_soak_s * INT64_C(1000),
			    &trial.why);
	if (does < 0 && trial.is_told)
		trial.is_told = is_versions_fault(person, &insist, &trial);
	trial.does = does == 0;
	*ret_trial = trial;
	if (r < 0 || does < 0)
		return r;
	r = moving_enter(mover, row, UPDATE_STATE_MOVED, "", err);
	if (r == 0)
		moving_let_sleep(mover, person, row);
	return r;
}

int move_try_old(const struct mover *mover, const struct people_row *person, struct move_row *row,
		 const char *why, enum move_outcome *ret_outcome, struct dv_error *err)
{
	const struct letin letin = moving_letin(mover, person, row->from);
	struct insist insist = { .letin = &letin, .manager = mover->manager };
	DV_AUTO_SECRET struct secret cookies = { 0 };
	struct dv_error old_err = { "" };
	char text[MOVES_REASON_BYTES];
	int does = insist_start(&insist, &old_err);

	if (does == 0)
		does = insist_pair(&insist, &cookies, &old_err);
	moving_let_sleep(mover, person, row);
	*ret_outcome = MOVE_FAILED;
	if (does == 0)
		return 0;
	*ret_outcome = MOVE_EXCLUDED;
	(void)snprintf(text, sizeof(text), "%.100s; and with t3 %.40s: %.80s", why, row->from,
		       old_err.text);
	return moving_enter(mover, row, UPDATE_STATE_EXCLUDED, text, err);
}

/* Whoever was parked or left meanwhile had their t3 stopped, which says nothing of a version. */
static bool is_as_it_was(const struct mover *mover, const struct people_row *person)
{
	DV_AUTO_PEOPLE_ROW struct people_row now = { 0 };
	struct dv_error err = { "" };

	return people_get(mover->ledger, person->name, &now, &err) == 0 &&
	       now.generation == person->generation && !hold_is_set(mover->env, person->name);
}

/* Where the version is to blame that is in the journal before they are brought back, so that whoever comes after a
 * kill goes on to the verdict. */
static int lead_back(const struct mover *mover, const struct people_row *person,
		     struct move_row *row, const struct trial *trial,
		     enum move_outcome *ret_outcome, struct dv_error *err)
{
	const char *why = trial->why.text;
	int r = trial->is_told ? moving_enter(mover, row, UPDATE_STATE_FAILED, why, err) : 0;

	if (r < 0)
		return r;
	if (move_back(mover, row, why, err) < 0) {
		*ret_outcome = trial->is_told ? MOVE_STUCK : MOVE_HALTED;
		return 0;
	}
	if (!trial->is_told)
		return defer(mover, row, why, ret_outcome, err);
	if (is_as_it_was(mover, person))
		return move_try_old(mover, person, row, why, ret_outcome, err);
	*ret_outcome = MOVE_EXCLUDED;
	return moving_enter(mover, row, UPDATE_STATE_EXCLUDED, CHANGED, err);
}

/* What speaks against it before anything of theirs is looked at. */
static int pass_over(const struct mover *mover, struct move_row *row,
		     enum move_outcome *ret_outcome, struct dv_error *err)
{
	DV_AUTO_MOVES struct moves moves = { 0 };
	const struct move_row *before;
	struct dv_error door = { "" };
	int r = moves_list(mover->ledger, MOVES_ALL_RUNS, &moves, err);

	if (r < 0)
		return r;
	before = moves_find(&moves, row->name);
	if (before && moves_is_between(before->state)) {
		/* Their row stays: it is what undoes that. */
		(void)snprintf(
			row->reason, sizeof(row->reason),
			"what run %lld began with them is not finished (%s): systemctl start "
			"devvm-recover finishes it",
			(long long)before->run, update_state_word(before->state));
		*ret_outcome = MOVE_EXCLUDED;
		return 0;
	}
	return letin_require_door(mover->env, &door) < 0
		       ? defer(mover, row, door.text, ret_outcome, err)
		       : 0;
}

int move_person(const struct mover *mover, const struct people_row *person, const char *to,
		enum move_outcome *ret_outcome, struct move_row *ret_row, struct dv_error *err)
{
	enum move_outcome outcome = MOVE_UNSET;
	struct trial trial = { 0 };
	struct move_row row = { .run = mover->run,
				.level = -1,
				.began_usec = mover->env->wall_usec(mover->env) };
	int r;

	(void)snprintf(row.name, sizeof(row.name), "%s", person->name);
	(void)snprintf(row.to, sizeof(row.to), "%s", to);
	r = store_get_pointer(mover->env, T3_ITEM, person->name, row.from, err);
	if (r == 0)
		r = pass_over(mover, &row, &outcome, err);
	if (r == 0 && outcome == MOVE_UNSET) {
		r = hold_and_point(mover, person, &row, &outcome, err);
		if (r == 0 && outcome == MOVE_EXCLUDED)
			moving_start_again(mover, &row);
	}
	if (r == 0 && outcome == MOVE_UNSET) {
		r = start_and_soak(mover, person, &row, &trial, err);
		if (r == 0 && trial.does)
			outcome = MOVE_MOVED;
	}
	if (r == 0 && outcome == MOVE_UNSET)
		r = lead_back(mover, person, &row, &trial, &outcome, err);
	if (r < 0)
		return dv_prefix(err, r, "move %s to t3 %s", person->name, to);
	*ret_outcome = outcome;
	*ret_row = row;
	return 0;
}
