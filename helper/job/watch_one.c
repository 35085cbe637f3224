/* watch_one.c - one person whose t3 does not answer: what the decision says is done, under their lock. See watch.h. */
#include "job/watch.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "move/between.h"
#include "move/systemctl.h"
#include "steps/hold.h"
#include "steps/instance_units.h"
#include "steps/lock.h"

#define LOCK_MS 1000	  /* who holds it is at work on them */
#define RESTART_MS 120000 /* what does not end is killed after TimeoutStopSec= of t3-serve@ */

int watch_remember(const struct watch *watch, const struct watch_row *before,
		   const struct watch_row *after, struct dv_error *err)
{
	if (watchdog_is_same(before, after))
		return 0;
	return watchdog_is_blank(after) ? watches_forget(watch->ledger, after->name, err)
					: watches_put(watch->ledger, after, err);
}

/* ---- a restart ------------------------------------------------------------------------ */

static void drop_lock(struct watch_case *it)
{
	dv_closep(&it->lock_fd);
	it->lock_fd = -1;
}

/* The row is written first: whatever is killed in between, no fourth restart comes of it. The lock goes before: a t3
 * that was never copied waits at its start for a copy, which takes it. */
static int restart(const struct watch *watch, struct watch_case *it, enum watchdog_action action,
		   const struct copying_result *copy, struct dv_error *err)
{
	const char *user = it->person->name;
	struct dv_error why = { "" };
	char text[WATCH_TEXT_BYTES];
	int done, r = watch_remember(watch, &it->before, &it->after, err);

	if (r < 0)
		return r;
	drop_lock(it);
	/* One that was stopped meanwhile stays so, and the unit itself looks for a hold. */
	done = systemctl_run("try-restart", WATCH_UNIT_PREFIX, user, RESTART_MS, &why);
	watch_describe_restart(it, action, done < 0 ? why.text : "", copy, text);
	return watch_tell(watch, user, action, text, err);
}

static void ask_again(const struct watch *watch, struct watch_case *it)
{
	alive_ask(it->server, 1, watch->config.watchdog_timeout_s * INT64_C(1000));
	it->seen.answer = it->server->answer;
}

/* *ret_is_up: false where it does not run any more. */
static int ask_turn(const struct watch *watch, struct watch_case *it, bool *ret_is_up,
		    struct dv_error *err)
{
	enum turn_verdict verdict = TURN_UNSET;
	int r = turn_look(&watch->env, watch->manager, it->person->name, &verdict, it->why, err);

	if (r < 0)
		return r;
	it->seen.turn = verdict == TURN_IDLE ? WATCHDOG_TURN_IDLE : WATCHDOG_TURN_BUSY;
	*ret_is_up = verdict != TURN_DOWN;
	return 0;
}

static bool is_restart(enum watchdog_action action)
{
	return action == WATCHDOG_RESTART || action == WATCHDOG_FORCE;
}

static enum watchdog_action decide(const struct watch *watch, struct watch_case *it)
{
	it->seen.now_usec = watch->env.wall_usec(&watch->env);
	return watchdog_decide(&watch->rules, &it->seen, &it->before, &it->after);
}

/* The copy takes its time: what was true before is asked once more. */
static int copy_and_restart(const struct watch *watch, struct watch_case *it,
			    enum watchdog_action *ret_action, struct dv_error *err)
{
	const struct copying copying = { .env = &watch->env,
					 .config = &watch->config,
					 .ledger = watch->ledger,
					 .reason = "watchdog" };
	struct copying_result copy = { 0 };
	bool is_up = true;
	int r;

	it->after = it->counted; /* should nothing come of it */
	r = copying_run(&copying, it->person, &copy, err);
	if (r < 0)
		return r;
	ask_again(watch, it);
	if (it->seen.answer != ALIVE_YES)
		r = ask_turn(watch, it, &is_up, err);
	*ret_action = WATCHDOG_NOTHING;
	if (r < 0 || !is_up || hold_is_set(&watch->env, it->person->name))
		return r;
	*ret_action = decide(watch, it);
	return is_restart(*ret_action) ? restart(watch, it, *ret_action, &copy, err) : 0;
}

/* ---- one person ----------------------------------------------------------------------- */

/* Of one that has failed often enough. It is under their lock from here on. */
static int see_to(const struct watch *watch, struct watch_case *it,
		  enum watchdog_action *ret_action, struct dv_error *err)
{
	DV_AUTO_MOVES struct moves moves = { 0 };
	bool is_up = true;
	int r = moves_list(watch->ledger, MOVES_ALL_RUNS, &moves, err);

	*ret_action = WATCHDOG_NOTHING;
	if (r < 0 || between_is_anothers(&watch->env, &moves, it->person->name))
		return r;
	r = ask_turn(watch, it, &is_up, err);
	if (r < 0 || !is_up)
		return r;
	*ret_action = decide(watch, it);
	return is_restart(*ret_action) ? copy_and_restart(watch, it, ret_action, err) : 0;
}

static int see_to_locked(const struct watch *watch, struct watch_case *it,
			 enum watchdog_action *ret_action, struct dv_error *err)
{
	struct dv_error why = { "" };
	int r;

	*ret_action = WATCHDOG_NOTHING;
	if (clock_left_ms(watch->begin_until_ms) == 0)
		return 0;
	it->lock_fd = lock_take(&watch->env, it->person->name, clock_deadline_ms(LOCK_MS), &why);
	if (it->lock_fd == -ETIMEDOUT)
		return 0;
	if (it->lock_fd < 0)
		return dv_refuse(err, it->lock_fd, "%s", why.text);
	r = see_to(watch, it, ret_action, err);
	drop_lock(it);
	return r;
}

int watch_look_at(const struct watch *watch, const struct people_row *person, struct alive *server,
		  struct dv_error *err)
{
	const struct watch_row *row = watches_find(&watch->watches, person->name);
	struct watch_case it = { .person = person,
				 .server = server,
				 .seen = { .answer = server->answer } };
	enum watchdog_action action;
	char unit[INSTANCE_UNIT_BYTES], text[WATCH_TEXT_BYTES];
	int r;

	if (row)
		it.before = *row;
	(void)snprintf(it.before.name, sizeof(it.before.name), "%s", person->name);
	if (server->answer == ALIVE_UNSET)
		log_warning("t3 of %s could not be asked: %s", person->name, server->text);
	if (server->answer == ALIVE_YES && !row)
		return 0;
	(void)snprintf(unit, sizeof(unit), WATCH_UNIT_PREFIX "%s.service", person->name);
	r = manager_active_since(watch->manager, unit, &it.seen.started_usec, err);
	if (r < 0)
		return r;
	action = decide(watch, &it);
	it.counted = it.after;
	if (action == WATCHDOG_ASK)
		r = see_to_locked(watch, &it, &action, err);
	if (r < 0 || is_restart(action))
		return r;
	r = watch_remember(watch, &it.before, &it.after, err);
	watch_describe(watch, &it, action, text);
	return r == 0 && *text ? watch_tell(watch, person->name, action, text, err) : r;
}
