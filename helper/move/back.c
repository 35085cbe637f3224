/* back.c - somebody goes back to the version they had. See move.h. */
#include "move/move.h"

#include <string.h>

#include "base/secret.h"
#include "move/between.h"
#include "move/insist.h"
#include "move/look.h"
#include "move/moving.h"
#include "move/placing.h"
#include "move/still.h"
#include "store/store.h"
#include "t3/program.h"

/* ---- what is undone ------------------------------------------------------------------- */

/* Their database as it was, unless it is at the level it was at: then what they did since stays. */
static int put_back(const struct mover *mover, const struct move_row *row, struct dv_error *err)
{
	const struct placing placing = { .env = mover->env,
					 .ledger = mover->ledger,
					 .user = row->name,
					 .id = row->copy,
					 .began_usec = row->began_usec };
	struct dv_error why = { "" };
	struct look look = { 0 };
	bool is_known = look_run(mover->env, row->name, 0, &look, &why) == 0;

	if (is_known && *row->copy && look.has_database && look.level == row->level)
		return 0;
	if (is_known && !*row->copy && !look.has_database)
		return 0;
	return placing_run(&placing, err);
}

/* Nothing of the new version can have run, and what runs is the old one. */
static bool is_untouched(enum update_state state)
{
	return state == UPDATE_STATE_HELD || state == UPDATE_STATE_COPIED;
}

/* Before it is entered nothing has started: after, nobody can tell. */
static int seal(const struct mover *mover, struct move_row *row, const char *why,
		struct dv_error *err)
{
	int r = moving_enter(mover, row, UPDATE_STATE_UNDOING, why, err);

	return r < 0 ? r : between_hold(mover->env, row, err);
}

/* They are in UPDATE_STATE_UNDOING, and nothing of theirs runs. */
static int undo(const struct mover *mover, struct move_row *row, const char *why,
		struct dv_error *err)
{
	int r = moving_point(mover, row->name, row->from, err);

	if (r == 0)
		r = put_back(mover, row, err);
	if (r == 0)
		r = between_release(mover->env, row, err);
	return r < 0 ? r : moving_enter(mover, row, UPDATE_STATE_BACK, why, err);
}

/* The hold goes behind the pointer and their database: where a kill came between that and the journal, the old
 * version may have run since. */
static bool is_undone(const struct mover *mover, const struct move_row *row)
{
	char own[STORE_VERSION_BYTES] = "";
	struct dv_error err = { "" };
	struct look look = { 0 };

	if (row->state != UPDATE_STATE_UNDOING || between_is_held(mover->env, row) ||
	    store_get_pointer(mover->env, T3_ITEM, row->name, own, &err) < 0 ||
	    strcmp(own, row->from) != 0)
		return false;
	/* Unless somebody else has removed the hold. */
	return !*row->copy || look_run(mover->env, row->name, 0, &look, &err) < 0 ||
	       look.level == row->level;
}

/* Their t3 goes on where it stands still, or runs again once the lock is gone: whoever is at work stays so. */
static int let_be(const struct mover *mover, struct move_row *row, const char *why,
		  struct dv_error *err)
{
	int r;

	still_thaw(mover->manager, row->name);
	r = between_release(mover->env, row, err);
	return r < 0 ? r : moving_enter(mover, row, UPDATE_STATE_BACK, why, err);
}

static int tell_stuck(const struct move_row *row, int r, struct dv_error *err)
{
	return dv_prefix(err, r,
			 "%s is not back on t3 %s, and on hold until systemctl start "
			 "devvm-recover, or devvmctl restore %s ID, has come to its end",
			 row->name, row->from, row->name);
}

/* ---- without a question --------------------------------------------------------------- */

static int go_locked(const struct mover *mover, struct move_row *row, const char *why,
		     struct dv_error *err)
{
	DV_AUTO_CLOSE int lock_fd = moving_lock(mover, row->name, err);
	int r = lock_fd < 0 ? lock_fd : 0;

	if (r == 0 && is_untouched(row->state))
		return let_be(mover, row, why, err);
	if (r == 0 && is_undone(mover, row))
		return moving_enter(mover, row, UPDATE_STATE_BACK, why, err);
	if (r == 0)
		r = seal(mover, row, why, err);
	if (r == 0)
		r = still_stop(mover->manager, row->name, err);
	return r < 0 ? r : undo(mover, row, why, err);
}

int move_back(const struct mover *mover, struct move_row *row, const char *why,
	      struct dv_error *err)
{
	int r = go_locked(mover, row, why, err);

	if (r < 0)
		return tell_stuck(row, r, err);
	moving_start_again(mover, row);
	return 0;
}

/* ---- but nobody who is at work -------------------------------------------------------- */

struct going_back {
	const struct mover *mover;
	struct move_row *row;
	const char *why;
	struct worked_seen seen;
};

static int on_ask(void *context, enum turn_verdict *ret_verdict,
		  char ret_why[static TURN_WHY_BYTES], struct dv_error *err DV_UNUSED)
{
	struct going_back *going = context;
	const struct mover *mover = going->mover;

	worked_look(mover->env, mover->manager, going->row, &going->seen, ret_why);
	*ret_verdict = *ret_why				      ? TURN_BUSY
		       : moving_runs(mover, going->row->name) ? TURN_IDLE
							      : TURN_DOWN;
	return 0;
}

static int on_seal(void *context, struct dv_error *err)
{
	struct going_back *going = context;

	return seal(going->mover, going->row, going->why, err);
}

static int go_idle_locked(struct going_back *going, char ret_keeps[static TURN_WHY_BYTES],
			  struct dv_error *err)
{
	const struct mover *mover = going->mover;
	const struct still still = { .env = mover->env,
				     .manager = mover->manager,
				     .user = going->row->name,
				     .ask = on_ask,
				     .seal = on_seal,
				     .context = going };
	DV_AUTO_CLOSE int lock_fd = moving_lock(mover, going->row->name, err);
	int r = lock_fd < 0 ? lock_fd : 0;

	/* One that runs after a move was started by who uses it. */
	going->row->was_running |= r == 0 && moving_runs(mover, going->row->name);
	if (r == 0)
		r = still_stop_if(&still, ret_keeps, err);
	return r < 0 || *ret_keeps ? r : undo(mover, going->row, going->why, err);
}

int move_back_idle(const struct mover *mover, struct move_row *row, const char *why,
		   enum worked *ret_worked, char ret_keeps[static TURN_WHY_BYTES],
		   struct dv_error *err)
{
	struct going_back going = { .mover = mover, .row = row, .why = why };
	int r;

	ret_keeps[0] = '\0';
	r = go_idle_locked(&going, ret_keeps, err);
	*ret_worked = worked_judge(&going.seen);
	if (r < 0 && !moves_is_between(row->state))
		return dv_prefix(err, r,
				 "%s keeps t3 %s, which is bad: it could not be asked "
				 "whether they work with it",
				 row->name, row->to);
	if (r < 0)
		return tell_stuck(row, r, err);
	if (!*ret_keeps)
		moving_start_again(mover, row);
	return 0;
}

/* ---- after a kill --------------------------------------------------------------------- */

/* The new version had let them in before the kill, and a boot may have held them since (job/hold.c). */
static int try_again(const struct mover *mover, const struct people_row *person,
		     const struct move_row *row, struct dv_error *err)
{
	const struct letin letin = moving_letin(mover, person, row->to);
	struct insist insist = { .letin = &letin, .manager = mover->manager };
	DV_AUTO_SECRET struct secret cookies = { 0 };
	int r = between_release(mover->env, row, err);

	if (r == 0 && hold_is_set(mover->env, row->name))
		return dv_refuse(err, -EBUSY, "they are on hold");
	if (r == 0)
		r = insist_start(&insist, err);
	return r < 0 ? r : insist_pair(&insist, &cookies, err);
}

int move_recover(const struct mover *mover, const struct people_row *person, struct move_row *row,
		 struct dv_error *err)
{
	struct dv_error why = { "the run was killed" };

	if (!moves_is_between(row->state))
		return 0;
	if (row->state == UPDATE_STATE_SOAKING && try_again(mover, person, row, &why) == 0)
		return moving_enter(mover, row, UPDATE_STATE_MOVED, "the run was killed after that",
				    err);
	if (row->state == UPDATE_STATE_FAILED || row->state == UPDATE_STATE_UNDOING)
		(void)snprintf(why.text, sizeof(why.text), "%s", row->reason);
	return move_back(mover, row, why.text, err);
}
