/* watch.c - devvm-job watch: the t3 of people that answer no more are restarted.
 *
 * Root, every minute (devvm-watch.timer). All running ones are asked at once; what is to be done about who does not
 * answer is move/watchdog.h's to say, and done here under the person's lock: a checked copy of the database, one more
 * question, a row in the ledger, and only then the restart, of the same version. A copy that cannot be had is told and
 * keeps nobody from being restarted, because that migrates nothing. Whoever is on hold, or between two versions, is
 * somebody else's business; a freeze holds versions and not this. One whose lock is taken is seen to a minute later,
 * and so are those for whom a run has no time left.
 */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "job/jobs.h"
#include "ledger/events.h"
#include "ledger/moves.h"
#include "ledger/people.h"
#include "ledger/watches.h"
#include "move/copying.h"
#include "move/systemctl.h"
#include "move/turn.h"
#include "move/watchdog.h"
#include "steps/hold.h"
#include "steps/instance.h"
#include "steps/lock.h"
#include "t3/alive.h"

#define LEDGER_BUSY_MS 10000
#define LOCK_MS 1000	  /* who holds it is at work on them */
#define RESTART_MS 120000 /* what does not end is killed after TimeoutStopSec= of t3-serve@ */
#define BEGIN_MS 600000	  /* nobody's turn begins later than this in a run */
#define USEC_PER_SECOND INT64_C(1000000)
#define USEC_PER_MINUTE (60 * USEC_PER_SECOND)
#define UNIT_PREFIX "t3-serve@"
#define TEXT_BYTES 480
#define COPIED_BYTES 200

struct watch {
	struct env env;
	struct config config;
	struct watchdog_rules rules;
	struct ledger *ledger;
	struct manager *manager;
	struct people people;
	struct watches watches;
	struct str_list running; /* units */
	struct alive *servers;	 /* of `asked`, in its order */
	const struct people_row **asked;
	size_t n_asked;
	int64_t begin_until_ms;
};

/* One person, as far as they have come. */
struct case_of {
	const struct people_row *person;
	struct alive *server;
	struct watchdog_seen seen;
	struct watch_row before;
	struct watch_row counted; /* with this fail, and nothing done about it */
	struct watch_row after;
	char why[TURN_WHY_BYTES]; /* they are busy */
};

static void watch_done(struct watch *watch)
{
	free(watch->servers);
	free(watch->asked);
	str_list_done(&watch->running);
	watches_done(&watch->watches);
	people_done(&watch->people);
	manager_close(watch->manager);
	ledger_close(watch->ledger);
	config_done(&watch->config);
	env_done(&watch->env);
}

static void unit_of(const char *user, char ret_unit[static INSTANCE_UNIT_BYTES])
{
	(void)snprintf(ret_unit, INSTANCE_UNIT_BYTES, UNIT_PREFIX "%s.service", user);
}

/* ---- what is told --------------------------------------------------------------------- */

/* Never given to another thing (docs/UPDATES.md lists them). */
static const struct {
	int priority;
	const char *message_id;
} TOLD[] = {
	[WATCHDOG_NOTHING] = { LOG_INFO, NULL },
	[WATCHDOG_ASK] = { LOG_INFO, NULL },
	[WATCHDOG_ALERT] = { LOG_ERR, "f4828952b8854eee89fc74528cb61125" },
	[WATCHDOG_ALERT_FOREIGN] = { LOG_ERR, "ee0892ba02bf4667946cb547992552c4" },
	[WATCHDOG_RESTART] = { LOG_WARNING, "9b8aab5081264c7d9face32551f8f251" },
	[WATCHDOG_FORCE] = { LOG_WARNING, "9b8aab5081264c7d9face32551f8f251" },
	[WATCHDOG_STAND_DOWN] = { LOG_ERR, "59d3cc15a33d4214abc5ea49647f6f30" },
	[WATCHDOG_RECOVERED] = { LOG_NOTICE, "45bde80378e5495ba100208b3e9d14da" },
};

static int tell(const struct watch *watch, const char *user, enum watchdog_action action,
		const char *text, struct dv_error *err)
{
	const struct log_fields fields = { .user = user,
					   .step = "watchdog",
					   .message_id = TOLD[action].message_id };

	log_write(TOLD[action].priority, &fields, "%s", text);
	return events_add(watch->ledger, watch->env.wall_usec(&watch->env), TOLD[action].priority,
			  user, "watchdog", text, err);
}

static int remember(const struct watch *watch, const struct watch_row *before,
		    const struct watch_row *after, struct dv_error *err)
{
	if (watchdog_is_same(before, after))
		return 0;
	return watchdog_is_blank(after) ? watches_forget(watch->ledger, after->name, err)
					: watches_put(watch->ledger, after, err);
}

static void describe_alert(const struct watch *watch, const struct case_of *it,
			   char ret_text[static TEXT_BYTES])
{
	const char *user = it->person->name;
	char later[64] = "the watchdog leaves it";

	if (watch->config.watchdog_force_after > 0)
		(void)snprintf(later, sizeof(later),
			       "it is restarted after %u minutes of that all the same",
			       watch->config.watchdog_force_after);
	(void)snprintf(ret_text, TEXT_BYTES,
		       "t3 of %s runs and does not answer (%s), and may be at work (%s): %s; now: "
		       "systemctl restart " UNIT_PREFIX "%s, which ends that work",
		       user, it->server->text, it->why, later, user);
}

static void describe(const struct watch *watch, const struct case_of *it,
		     enum watchdog_action action, char ret_text[static TEXT_BYTES])
{
	const char *user = it->person->name, *trouble = it->server->text;

	switch (action) {
	case WATCHDOG_ALERT:
		describe_alert(watch, it, ret_text);
		break;
	case WATCHDOG_ALERT_FOREIGN:
		(void)snprintf(ret_text, TEXT_BYTES,
			       "t3 of %s is cut off: somebody else listens on its port %u. A "
			       "restart does not help: end that process (ss -ltnp 'sport = :%u'), "
			       "then systemctl restart " UNIT_PREFIX "%s",
			       user, it->server->port, it->server->port, user);
		break;
	case WATCHDOG_STAND_DOWN:
		(void)snprintf(ret_text, TEXT_BYTES,
			       "t3 of %s does not answer (%s) although it was restarted %d times "
			       "in half an hour: the watchdog stands down until it answers or "
			       "somebody restarts it; journalctl -u " UNIT_PREFIX
			       "%s may say why; devvmctl backups %s lists the copies",
			       user, trouble, WATCHES_MAX_RESTARTS, user, user);
		break;
	case WATCHDOG_RECOVERED:
		(void)snprintf(ret_text, TEXT_BYTES, "t3 of %s answers again", user);
		break;
	case WATCHDOG_NOTHING:
	case WATCHDOG_ASK:
	case WATCHDOG_RESTART:
	case WATCHDOG_FORCE:
		ret_text[0] = '\0';
		break;
	}
}

/* ---- a restart ------------------------------------------------------------------------ */

static void describe_copy(const struct copying_result *copy, char ret_text[static COPIED_BYTES])
{
	switch (copy->outcome) {
	case COPYING_MADE:
		(void)snprintf(ret_text, COPIED_BYTES, "; %s is the copy from before", copy->id);
		break;
	case COPYING_FAILED:
		(void)snprintf(ret_text, COPIED_BYTES, "; there is NO copy from before: %.150s",
			       copy->why);
		break;
	case COPYING_UNSET:
	case COPYING_NONE:
		(void)snprintf(ret_text, COPIED_BYTES, "; they have no database yet");
		break;
	}
}

/* The row is written first: whatever is killed in between, no fourth restart comes of it. */
static int restart(const struct watch *watch, const struct case_of *it, enum watchdog_action action,
		   const struct copying_result *copy, struct dv_error *err)
{
	const char *user = it->person->name;
	struct dv_error why = { "" };
	char text[TEXT_BYTES], copied[COPIED_BYTES];
	int done, r = remember(watch, &it->before, &it->after, err);

	if (r < 0)
		return r;
	/* One that was stopped meanwhile stays so, and the unit itself looks for a hold. */
	done = systemctl_run("try-restart", UNIT_PREFIX, user, RESTART_MS, &why);
	describe_copy(copy, copied);
	(void)snprintf(text, sizeof(text), "t3 of %s did not answer (%s) and %s%.120s%s%s", user,
		       it->server->text, done < 0 ? "could not be restarted: " : "was restarted",
		       done < 0 ? why.text : "",
		       action == WATCHDOG_FORCE ? " although it may have been at work" : "",
		       copied);
	return tell(watch, user, action, text, err);
}

static void ask_again(const struct watch *watch, struct case_of *it)
{
	alive_ask(it->server, 1, watch->config.watchdog_timeout_s * INT64_C(1000));
	it->seen.answer = it->server->answer;
}

/* *ret_is_up: false where it does not run any more. */
static int ask_turn(const struct watch *watch, struct case_of *it, bool *ret_is_up,
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

static enum watchdog_action decide(const struct watch *watch, struct case_of *it)
{
	it->seen.now_usec = watch->env.wall_usec(&watch->env);
	return watchdog_decide(&watch->rules, &it->seen, &it->before, &it->after);
}

/* The copy takes its time: what was true before is asked once more. */
static int copy_and_restart(const struct watch *watch, struct case_of *it,
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

static bool is_anothers(const struct watch *watch, const struct moves *moves, const char *user)
{
	bool is = hold_is_set(&watch->env, user);

	for (size_t i = 0; i < moves->n_rows; i++)
		is = is || (strcmp(moves->rows[i].name, user) == 0 &&
			    moves_is_between(moves->rows[i].state));
	return is;
}

/* Of one that has failed often enough. It is under their lock from here on. */
static int see_to(const struct watch *watch, struct case_of *it, enum watchdog_action *ret_action,
		  struct dv_error *err)
{
	DV_AUTO_MOVES struct moves moves = { 0 };
	bool is_up = true;
	int r = moves_list(watch->ledger, MOVES_ALL_RUNS, &moves, err);

	*ret_action = WATCHDOG_NOTHING;
	if (r < 0 || is_anothers(watch, &moves, it->person->name))
		return r;
	r = ask_turn(watch, it, &is_up, err);
	if (r < 0 || !is_up)
		return r;
	*ret_action = decide(watch, it);
	return is_restart(*ret_action) ? copy_and_restart(watch, it, ret_action, err) : 0;
}

static int see_to_locked(const struct watch *watch, struct case_of *it,
			 enum watchdog_action *ret_action, struct dv_error *err)
{
	struct dv_error why = { "" };
	DV_AUTO_CLOSE int lock_fd = -1;

	*ret_action = WATCHDOG_NOTHING;
	if (clock_left_ms(watch->begin_until_ms) == 0)
		return 0;
	lock_fd = lock_take(&watch->env, it->person->name, clock_deadline_ms(LOCK_MS), &why);
	if (lock_fd == -ETIMEDOUT)
		return 0;
	if (lock_fd < 0)
		return dv_refuse(err, lock_fd, "%s", why.text);
	return see_to(watch, it, ret_action, err);
}

static int look_at(const struct watch *watch, const struct people_row *person, struct alive *server,
		   struct dv_error *err)
{
	const struct watch_row *row = watches_find(&watch->watches, person->name);
	struct case_of it = { .person = person,
			      .server = server,
			      .seen = { .answer = server->answer } };
	enum watchdog_action action;
	char unit[INSTANCE_UNIT_BYTES], text[TEXT_BYTES];
	int r;

	if (row)
		it.before = *row;
	(void)snprintf(it.before.name, sizeof(it.before.name), "%s", person->name);
	if (server->answer == ALIVE_UNSET)
		log_warning("t3 of %s could not be asked: %s", person->name, server->text);
	if (server->answer == ALIVE_YES && !row)
		return 0;
	unit_of(person->name, unit);
	r = manager_active_since(watch->manager, unit, &it.seen.started_usec, err);
	if (r < 0)
		return r;
	action = decide(watch, &it);
	it.counted = it.after;
	if (action == WATCHDOG_ASK)
		r = see_to_locked(watch, &it, &action, err);
	if (r < 0 || is_restart(action))
		return r;
	r = remember(watch, &it.before, &it.after, err);
	describe(watch, &it, action, text);
	return r == 0 && *text ? tell(watch, person->name, action, text, err) : r;
}

/* ---- everybody ------------------------------------------------------------------------ */

static int on_unit(void *context, const char *unit, const char *active_state)
{
	struct watch *watch = context;

	return strcmp(active_state, "active") == 0 ? str_list_add(&watch->running, unit) : 0;
}

/* Who is to be asked; NULL for a unit that is none of ours to restart. */
static const struct people_row *owner_of(const struct watch *watch, const char *unit)
{
	char user[STR_USER_NAME_MAX + 1];
	const struct people_row *person =
		instance_parse(unit, user) ? people_find(&watch->people, user) : NULL;

	return person && person->state == PEOPLE_PRESENT && person->uid != PEOPLE_NO_UID ? person
											 : NULL;
}

static int choose(struct watch *watch, struct dv_error *err)
{
	DV_AUTO_MOVES struct moves moves = { 0 };
	int r = moves_list(watch->ledger, MOVES_ALL_RUNS, &moves, err);

	if (r < 0)
		return r;
	watch->servers = calloc(watch->running.n_items + 1, sizeof(*watch->servers));
	watch->asked = calloc(watch->running.n_items + 1, sizeof(*watch->asked));
	if (!watch->servers || !watch->asked)
		return dv_fail(err, -ENOMEM, "watch people's t3");
	for (size_t i = 0; i < watch->running.n_items; i++) {
		const struct people_row *person = owner_of(watch, watch->running.items[i]);

		if (!person || is_anothers(watch, &moves, person->name))
			continue;
		watch->servers[watch->n_asked] =
			(struct alive){ .port = (uint16_t)person->ports[PEOPLE_PORT_T3],
					.uid = (uid_t)person->uid };
		watch->asked[watch->n_asked++] = person;
	}
	return 0;
}

static bool is_asked(const struct watch *watch, const char *name)
{
	for (size_t i = 0; i < watch->n_asked; i++) {
		if (strcmp(watch->asked[i]->name, name) == 0)
			return true;
	}
	return false;
}

static int set_others_aside(const struct watch *watch, struct dv_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < watch->watches.n_rows; i++) {
		const struct watch_row *row = &watch->watches.rows[i];
		struct watch_row after = watchdog_set_aside(row, watch->env.wall_usec(&watch->env));

		if (!is_asked(watch, row->name))
			r = remember(watch, row, &after, err);
	}
	return r;
}

static int prepare(struct watch *watch, struct dv_error *err)
{
	static const char *const patterns[] = { UNIT_PREFIX "*.service", NULL };
	int r = ledger_open(&watch->ledger, &watch->env, LEDGER_WRITE, LEDGER_BUSY_MS, err);

	if (r == 0)
		r = manager_open(&watch->manager, err);
	if (r == 0)
		r = manager_list(watch->manager, patterns, on_unit, watch, err);
	if (r == 0)
		r = people_list(watch->ledger, &watch->people, err);
	if (r == 0)
		r = watches_list(watch->ledger, &watch->watches, err);
	watch->rules = (struct watchdog_rules){
		.n_fails = watch->config.watchdog_fails,
		.grace_usec = watch->config.watchdog_grace_s * USEC_PER_SECOND,
		.force_after_usec = watch->config.watchdog_force_after * USEC_PER_MINUTE,
	};
	return r;
}

static int run_watch(struct watch *watch, struct dv_error *err)
{
	size_t first;
	int r = prepare(watch, err);

	if (r == 0)
		r = choose(watch, err);
	if (r == 0)
		r = set_others_aside(watch, err);
	if (r < 0)
		return r;
	alive_ask(watch->servers, watch->n_asked, watch->config.watchdog_timeout_s * INT64_C(1000));
	watch->begin_until_ms = clock_deadline_ms(BEGIN_MS);
	/* From anywhere on, so that nobody is behind those who take all the time of each run. */
	first = (size_t)watch->env.wall_usec(&watch->env);
	for (size_t i = 0; i < watch->n_asked; i++) {
		size_t at = (first + i) % watch->n_asked;
		struct dv_error why = { "" };

		if (look_at(watch, watch->asked[at], &watch->servers[at], &why) < 0)
			log_warning("watchdog: %s: %s", watch->asked[at]->name,
				    why.text); /* the next minute tries again */
	}
	return 0;
}

int job_watch(int argc, char **argv DV_UNUSED)
{
	DV_CLEANUP(watch_done) struct watch watch = { .env = ENV_EMPTY };
	struct dv_error err = { "" };
	int r;

	if (argc > 1) {
		log_error("usage: devvm-job watch");
		return JOB_USAGE;
	}
	r = env_init(&watch.env, "/", &err);
	if (r == 0)
		r = config_load(&watch.config, &watch.env, &err);
	if (r == 0 && watch.config.watchdog_enabled)
		r = run_watch(&watch, &err);
	if (r < 0) {
		log_error("watchdog: %s", err.text);
		return JOB_FAILED;
	}
	return JOB_OK;
}
