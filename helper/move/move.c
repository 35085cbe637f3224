/* move.c - see move.h. */
#include "move/move.h"

#include <poll.h>
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "move/between.h"
#include "move/busy.h"
#include "move/copying.h"
#include "move/letin.h"
#include "move/look.h"
#include "move/placing.h"
#include "move/systemctl.h"
#include "move/turn.h"
#include "steps/hold.h"
#include "steps/lock.h"
#include "steps/staging.h"
#include "store/store.h"
#include "t3/program.h"
#include "units/cgroup.h"

#define LOCK_MS 60000
#define STOP_MS 60000
#define START_MS 60000 /* that systemd may take; it does not wait for an answer */
#define SOAK_STEP_MS 5000
#define RUN_BYTES 24
#define UNIT_BYTES (32 + STR_USER_NAME_MAX)

/* ---- small things --------------------------------------------------------------------- */

static int enter(const struct mover *mover, struct move_row *row, enum update_state state,
		 const char *why, struct dv_error *err)
{
	row->state = state;
	(void)snprintf(row->reason, sizeof(row->reason), "%.255s", why);
	log_write(LOG_INFO, &(struct log_fields){ .user = row->name, .step = "update" },
		  "%s: %s%s%s", row->name, update_state_word(state), *why ? ": " : "", why);
	return moves_enter(mover->ledger, row, mover->env->wall_usec(mover->env), err);
}

static int take_lock(const struct mover *mover, const char *user, struct dv_error *err)
{
	return lock_take(mover->env, user, clock_deadline_ms(LOCK_MS), err);
}

static int set_pointer(const struct mover *mover, const char *user, const char *version,
		       struct dv_error *err)
{
	DV_AUTO_CLOSE int lock_fd = staging_lock(mover->env, T3_ITEM, err);

	return lock_fd < 0 ? lock_fd : store_set_pointer(mover->env, T3_ITEM, user, version, err);
}

static struct letin letin_of(const struct mover *mover, const struct people_row *person,
			     const char *version)
{
	return (struct letin){ .env = mover->env,
			       .person = person,
			       .version = version,
			       .start_ms = mover->config->update_start_s * INT64_C(1000) };
}

/* One that was not there before and is used by nobody goes to sleep again. */
static void let_sleep(const struct mover *mover, const struct people_row *person,
		      const struct move_row *row)
{
	char unit[UNIT_BYTES];
	const struct busy_question question = { .env = mover->env,
						.unit = unit,
						.uid = (uid_t)person->uid,
						.port = person->ports[PEOPLE_PORT_T3] };
	struct busy_answer answer;
	struct dv_error err = { "" };

	if (row->was_running)
		return;
	(void)snprintf(unit, sizeof(unit), "t3-serve@%s.service", row->name);
	busy_look(&question, &answer);
	if (answer.verdict == BUSY_IDLE &&
	    systemctl_run("stop", "t3-serve@", row->name, STOP_MS, &err) < 0)
		log_warning("%s", err.text); /* devvm-idle stops it some day */
}

/* ---- holding them --------------------------------------------------------------------- */

static int stop(const char *user, struct dv_error *err)
{
	int r = systemctl_run("stop", "t3-serve@", user, STOP_MS, err);

	/* What else reads the database of theirs. */
	return r < 0 ? r : systemctl_run("stop", "devvm-mint@", user, STOP_MS, err);
}

/* All of it goes on; where it is to end, that is the first thing it hears. */
static int let_go(const struct mover *mover, const char *unit, bool is_to_end, struct dv_error *err)
{
	int r = is_to_end ? manager_signal(mover->manager, unit, SIGTERM, err) : 0;
	struct dv_error why = { "" };
	int thawed = manager_freeze(mover->manager, unit, false, &why);

	if (thawed < 0)
		log_error("%s stands still: systemctl thaw %s (%s)", unit, unit, why.text);
	return r < 0 ? r : thawed < 0 ? dv_refuse(err, thawed, "%s", why.text) : 0;
}

/* Nothing of theirs starts any more. Whether an agent is at work is asked while all of it stands still, so that none
 * can begin behind the answer. *ret_why says what keeps them. */
static int stop_idle(const struct mover *mover, const char *user,
		     char ret_why[static TURN_WHY_BYTES], struct dv_error *err)
{
	enum turn_verdict verdict = TURN_UNSET;
	struct dv_error why = { "" };
	char unit[UNIT_BYTES];
	int r, gone = 0;

	(void)snprintf(unit, sizeof(unit), "t3-serve@%s.service", user);
	r = turn_look(mover->env, mover->manager, user, &verdict, ret_why, err);
	if (r < 0 || verdict == TURN_BUSY)
		return r;
	if (verdict != TURN_DOWN) {
		if (manager_freeze(mover->manager, unit, true, &why) < 0) {
			(void)snprintf(ret_why, TURN_WHY_BYTES, "%.127s", why.text);
			return 0;
		}
		r = turn_look(mover->env, mover->manager, user, &verdict, ret_why, err);
		gone = let_go(mover, unit, r == 0 && verdict != TURN_BUSY, &why);
	}
	if (r == 0 && gone < 0)
		return dv_refuse(err, gone, "%s", why.text);
	return r < 0 || verdict == TURN_BUSY ? r : stop(user, err);
}

static int release(const struct mover *mover, struct move_row *row, enum update_state state,
		   const char *why, struct dv_error *err)
{
	struct dv_error start_err = { "" };
	int r = between_release(mover->env, row, err);

	/* It is the version they had before: whether it answers is not waited for. */
	if (r == 0 && row->was_running &&
	    systemctl_run("start", "t3-serve@", row->name, START_MS, &start_err) < 0)
		log_warning("%s", start_err.text);
	return r < 0 ? r : enter(mover, row, state, why, err);
}

/* ---- forward -------------------------------------------------------------------------- */

static int defer(const struct mover *mover, struct move_row *row, const char *why,
		 enum move_outcome *ret_outcome, struct dv_error *err)
{
	*ret_outcome = MOVE_DEFERRED;
	return enter(mover, row, UPDATE_STATE_DEFERRED, why, err);
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
		return release(mover, row, UPDATE_STATE_EXCLUDED, result.why, err);
	}
	(void)snprintf(row->copy, sizeof(row->copy), "%s", result.id);
	row->level = result.level;
	return enter(mover, row, UPDATE_STATE_COPIED,
		     result.outcome == COPYING_NONE ? "there is no database yet" : row->copy, err);
}

/* Up to the new version under their name, with nothing of it running. */
static int hold_and_point(const struct mover *mover, const struct people_row *person,
			  struct move_row *row, enum move_outcome *ret_outcome,
			  struct dv_error *err)
{
	DV_AUTO_CLOSE int lock_fd = take_lock(mover, row->name, err);
	char why[TURN_WHY_BYTES] = "";
	enum turn_verdict verdict = TURN_UNSET;
	int r;

	if (lock_fd == -ETIMEDOUT) /* they are being copied, or restarted by the watchdog */
		return defer(mover, row, "another job is at work on them", ret_outcome, err);
	if (lock_fd < 0)
		return lock_fd;
	if (hold_is_set(mover->env, row->name))
		return defer(mover, row, "they are on hold", ret_outcome, err);
	r = turn_look(mover->env, mover->manager, row->name, &verdict, why, err);
	if (r < 0 || verdict == TURN_BUSY)
		return r < 0 ? r : defer(mover, row, why, ret_outcome, err);
	row->was_running = verdict != TURN_DOWN;
	r = enter(mover, row, UPDATE_STATE_HELD, "", err);
	if (r == 0)
		r = between_hold(mover->env, row, err);
	if (r == 0)
		r = stop_idle(mover, row->name, why, err);
	if (r == 0 && *why) {
		r = between_release(mover->env, row, err);
		return r < 0 ? r : defer(mover, row, why, ret_outcome, err);
	}
	if (r == 0)
		r = copy(mover, person, row, ret_outcome, err);
	if (r < 0 || *ret_outcome != MOVE_UNSET)
		return r;
	r = enter(mover, row, UPDATE_STATE_POINTED, "", err);
	if (r == 0)
		r = set_pointer(mover, row->name, row->to, err);
	return r < 0 ? r : between_release(mover->env, row, err);
}

static int soak(const struct letin *letin, const struct secret *cookies, int64_t total_ms,
		struct dv_error *err)
{
	int64_t deadline_ms = clock_deadline_ms(total_ms);
	int64_t left_ms;
	int r = letin_look(letin, cookies, err);

	while (r == 0 && (left_ms = clock_left_ms(deadline_ms)) > 0) {
		(void)poll(NULL, 0, (int)(left_ms < SOAK_STEP_MS ? left_ms : SOAK_STEP_MS));
		r = letin_look(letin, cookies, err);
	}
	return r;
}

/* `why` where the version does not do; a negative result where the ledger fails. */
static int start_and_soak(const struct mover *mover, const struct people_row *person,
			  struct move_row *row, struct dv_error *ret_why, struct dv_error *err)
{
	const struct letin letin = letin_of(mover, person, row->to);
	DV_AUTO_SECRET struct secret cookies = { 0 };
	int does = letin_start(&letin, ret_why), r = 0;

	if (does == 0)
		does = letin_pair(&letin, &cookies, ret_why);
	if (does == 0)
		r = enter(mover, row, UPDATE_STATE_SOAKING, "", err);
	if (r == 0 && does == 0)
		does = soak(&letin, &cookies, mover->config->update_soak_s * INT64_C(1000),
			    ret_why);
	if (r < 0 || does < 0)
		return r;
	ret_why->text[0] = '\0';
	row->moved_usec = mover->env->wall_usec(mover->env);
	r = enter(mover, row, UPDATE_STATE_MOVED, "", err);
	if (r == 0)
		let_sleep(mover, person, row);
	return r;
}

/* The old version, for the same person: where it does not let them in either, it is not the new one's fault. */
static int try_old(const struct mover *mover, const struct people_row *person, struct move_row *row,
		   const char *why, enum move_outcome *ret_outcome, struct dv_error *err)
{
	const struct letin letin = letin_of(mover, person, row->from);
	DV_AUTO_SECRET struct secret cookies = { 0 };
	struct dv_error old_err = { "" };
	char text[MOVES_REASON_BYTES];
	int does = letin_start(&letin, &old_err);

	if (does == 0)
		does = letin_pair(&letin, &cookies, &old_err);
	let_sleep(mover, person, row);
	*ret_outcome = MOVE_FAILED;
	if (does == 0)
		return 0;
	*ret_outcome = MOVE_EXCLUDED;
	(void)snprintf(text, sizeof(text), "%.100s; and with t3 %.40s: %.80s", why, row->from,
		       old_err.text);
	return enter(mover, row, UPDATE_STATE_EXCLUDED, text, err);
}

/* Whoever was parked or left meanwhile had their t3 stopped, which says nothing of a version. */
static bool is_as_it_was(const struct mover *mover, const struct people_row *person)
{
	DV_AUTO_PEOPLE_ROW struct people_row now = { 0 };
	struct dv_error err = { "" };

	return people_get(mover->ledger, person->name, &now, &err) == 0 &&
	       now.generation == person->generation && !hold_is_set(mover->env, person->name);
}

/* The new version does not do, says `why`. */
static int lead_back(const struct mover *mover, const struct people_row *person,
		     struct move_row *row, const char *why, enum move_outcome *ret_outcome,
		     struct dv_error *err)
{
	(void)snprintf(row->reason, sizeof(row->reason), "%.255s", why);
	if (move_back(mover, row, why, err) < 0) {
		*ret_outcome = MOVE_STUCK;
		return 0;
	}
	if (is_as_it_was(mover, person))
		return try_old(mover, person, row, why, ret_outcome, err);
	*ret_outcome = MOVE_EXCLUDED;
	return enter(mover, row, UPDATE_STATE_EXCLUDED, "the roster changed them meanwhile", err);
}

int move_person(const struct mover *mover, const struct people_row *person, const char *to,
		enum move_outcome *ret_outcome, struct move_row *ret_row, struct dv_error *err)
{
	enum move_outcome outcome = MOVE_UNSET;
	struct dv_error why = { "" };
	struct move_row row = { .run = mover->run,
				.level = -1,
				.began_usec = mover->env->wall_usec(mover->env) };
	int r;

	(void)snprintf(row.name, sizeof(row.name), "%s", person->name);
	(void)snprintf(row.to, sizeof(row.to), "%s", to);
	r = store_get_pointer(mover->env, T3_ITEM, person->name, row.from, err);
	if (r == 0)
		r = hold_and_point(mover, person, &row, &outcome, err);
	if (r == 0 && outcome == MOVE_UNSET) {
		r = start_and_soak(mover, person, &row, &why, err);
		if (r == 0 && !*why.text)
			outcome = MOVE_MOVED;
	}
	if (r == 0 && outcome == MOVE_UNSET)
		r = lead_back(mover, person, &row, why.text, &outcome, err);
	if (r < 0)
		return dv_prefix(err, r, "move %s to t3 %s", person->name, to);
	*ret_outcome = outcome;
	*ret_row = row;
	return 0;
}

/* ---- back ----------------------------------------------------------------------------- */

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

static bool runs(const struct mover *mover, const char *user)
{
	char unit[UNIT_BYTES];
	DV_AUTO_CLOSE int fd = -1;

	(void)snprintf(unit, sizeof(unit), "t3-serve@%s.service", user);
	fd = cgroup_open(mover->env, unit, NULL);
	return fd >= 0;
}

static bool may_have_started(enum update_state state)
{
	return state != UPDATE_STATE_HELD && state != UPDATE_STATE_COPIED;
}

int move_back(const struct mover *mover, struct move_row *row, const char *why,
	      struct dv_error *err)
{
	bool is_touched = may_have_started(row->state);
	bool is_running = runs(mover, row->name);
	DV_AUTO_CLOSE int lock_fd = take_lock(mover, row->name, err);
	int r = lock_fd < 0 ? lock_fd : 0;

	row->was_running = row->was_running || is_running;
	/* Before it is entered nothing has started: after, nobody can tell. */
	if (r == 0 && is_touched)
		r = enter(mover, row, UPDATE_STATE_UNDOING, why, err);
	if (r == 0)
		r = between_hold(mover->env, row, err);
	if (r == 0)
		r = stop(row->name, err);
	if (r == 0)
		r = set_pointer(mover, row->name, row->from, err);
	if (r == 0 && is_touched)
		r = put_back(mover, row, err);
	if (r < 0)
		return dv_prefix(err, r,
				 "%s is not back on t3 %s, and on hold until systemctl start "
				 "devvm-recover, or devvmctl restore %s ID, has come to its end",
				 row->name, row->from, row->name);
	return release(mover, row, UPDATE_STATE_BACK, why, err);
}

bool move_has_worked(const struct mover *mover, const struct move_row *row)
{
	DV_AUTO_CLOSE int lock_fd = -1;
	char why[TURN_WHY_BYTES];
	enum turn_verdict verdict = TURN_UNSET;
	struct dv_error err = { "" };
	struct look look = { 0 };

	lock_fd = take_lock(mover, row->name, &err);
	if (lock_fd < 0 || look_run(mover->env, row->name, 0, &look, &err) < 0 ||
	    turn_look(mover->env, mover->manager, row->name, &verdict, why, &err) < 0)
		return true;
	return verdict == TURN_BUSY || look.worked_usec > row->moved_usec;
}

/* It had let them in: whether it does once more. A hold that somebody else has set keeps it from starting. */
static int try_again(const struct mover *mover, const struct people_row *person,
		     const struct move_row *row, struct dv_error *err)
{
	const struct letin letin = letin_of(mover, person, row->to);
	DV_AUTO_SECRET struct secret cookies = { 0 };
	int r = between_release(mover->env, row, err);

	if (r == 0 && hold_is_set(mover->env, row->name))
		return dv_refuse(err, -EBUSY, "they are on hold");
	if (r == 0)
		r = letin_start(&letin, err);
	return r < 0 ? r : letin_pair(&letin, &cookies, err);
}

int move_recover(const struct mover *mover, const struct people_row *person, struct move_row *row,
		 struct dv_error *err)
{
	struct dv_error why = { "the run was killed" };

	if (!moves_is_between(row->state))
		return 0;
	if (row->state == UPDATE_STATE_SOAKING && try_again(mover, person, row, &why) == 0) {
		row->moved_usec = mover->env->wall_usec(mover->env);
		return enter(mover, row, UPDATE_STATE_MOVED, "the run was killed after that", err);
	}
	return move_back(mover, row, why.text, err);
}
