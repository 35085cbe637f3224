/* idle.c - devvm-job idle: stop the t3 of whoever has not used it for long.
 *
 * Root, every ten minutes. Each look at a running t3 is a row in the ledger; one that was idle
 * at every look for instances.stop_idle_after minutes is looked at once more and stopped. The
 * next login or visit starts it again. Nothing is stopped of somebody on hold or between two versions of t3, nor of
 * whom another job is at work on (their lock): the next look sees to it. And nothing at all with instances.start:
 * always.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "job/jobs.h"
#include "ledger/events.h"
#include "ledger/looks.h"
#include "ledger/people.h"
#include "move/between.h"
#include "move/busy.h"
#include "steps/instance_units.h"
#include "steps/lock.h"
#include "units/manager.h"

#define LEDGER_BUSY_MS 10000
#define USEC_PER_MINUTE INT64_C(60000000)
#define UNIT_PREFIX "t3-serve@"

struct idle {
	struct env env;
	struct config config;
	struct ledger *ledger;
	struct manager *manager;
	struct people people;
	struct looks looks;
	struct str_list running; /* units */
	int64_t now_usec;
};

static void idle_done(struct idle *idle)
{
	str_list_done(&idle->running);
	looks_done(&idle->looks);
	people_done(&idle->people);
	manager_close(idle->manager);
	ledger_close(idle->ledger);
	config_done(&idle->config);
	env_done(&idle->env);
}

static int on_unit(void *context, const char *unit, const char *active_state)
{
	struct idle *idle = context;

	return strcmp(active_state, "active") == 0 ? str_list_add(&idle->running, unit) : 0;
}

/* The person of a running unit; NULL for one that is none of ours to stop. */
static const struct people_row *owner_of(const struct idle *idle, const char *unit)
{
	char user[STR_USER_NAME_MAX + 1];
	const struct people_row *person;

	if (!instance_parse(unit, user))
		return NULL;
	person = people_find(&idle->people, user);
	return person && person->state == PEOPLE_PRESENT && person->uid != PEOPLE_NO_UID ? person
											 : NULL;
}

static struct busy_question question_of(const struct idle *idle, const char *unit,
					const struct people_row *person)
{
	const struct looks_row *before = looks_find(&idle->looks, person->name);

	return (struct busy_question){ .env = &idle->env,
				       .unit = unit,
				       .uid = (uid_t)person->uid,
				       .port = person->ports[PEOPLE_PORT_T3],
				       .has_looked = before != NULL,
				       .agent_ticks = before ? before->agent_ticks : 0,
				       .agent_start = before ? before->agent_start : 0 };
}

/* Since when it is idle, now that it is. What was seen before its last start, or lies in the
 * future because the clock was set, does not count. */
static int since_when(const struct idle *idle, const char *unit, const struct looks_row *before,
		      int64_t *ret_usec, struct dv_error *err)
{
	int64_t started_usec = 0;
	int r = manager_active_since(idle->manager, unit, &started_usec, err);

	if (r < 0)
		return r;
	*ret_usec = idle->now_usec;
	if (before && before->idle_since_usec > started_usec &&
	    before->idle_since_usec < idle->now_usec)
		*ret_usec = before->idle_since_usec;
	return 0;
}

/* Under their lock. */
static int is_anothers(const struct idle *idle, const char *user, bool *ret_is,
		       struct dv_error *err)
{
	DV_AUTO_MOVES struct moves moves = { 0 };
	int r = moves_list(idle->ledger, MOVES_ALL_RUNS, &moves, err);

	if (r == 0)
		*ret_is = between_is_anothers(&idle->env, &moves, user);
	return r;
}

static int stop(const struct idle *idle, const char *unit, const struct people_row *person,
		int64_t idle_usec, struct dv_error *err)
{
	const struct log_fields fields = { .user = person->name };
	char text[160];
	int r = manager_act(idle->manager, MANAGER_STOP, &unit, 1, err);

	if (r == 0)
		r = looks_forget(idle->ledger, person->name, err);
	if (r < 0)
		return r;
	(void)snprintf(text, sizeof(text),
		       "%s was idle for %" PRId64 " minutes and is stopped; the next login or "
		       "visit starts it",
		       unit, idle_usec / USEC_PER_MINUTE);
	log_write(LOG_NOTICE, &fields, "%s", text);
	return events_add(idle->ledger, idle->now_usec, LOG_NOTICE, person->name, NULL, text, err);
}

/* It was idle for long enough; that is asked once more. `row` is written of what is not stopped. */
static int stop_if_still(const struct idle *idle, const struct busy_question *question,
			 const struct people_row *person, struct looks_row *row, bool *ret_is_over,
			 struct dv_error *err)
{
	struct dv_error taken = { "" };
	DV_AUTO_CLOSE int lock_fd = lock_take(&idle->env, person->name, clock_now_ms(), &taken);
	struct busy_answer answer;
	bool is_theirs = false;
	int r;

	*ret_is_over = false;
	if (lock_fd < 0)
		return lock_fd == -ETIMEDOUT ? 0 : dv_refuse(err, lock_fd, "%s", taken.text);
	r = is_anothers(idle, person->name, &is_theirs, err);
	if (r < 0 || is_theirs)
		return r;
	busy_look(question, &answer);
	if (answer.verdict != BUSY_IDLE) {
		row->idle_since_usec = 0;
		return 0;
	}
	*ret_is_over = true;
	return stop(idle, question->unit, person, idle->now_usec - row->idle_since_usec, err);
}

static int look_at(const struct idle *idle, const char *unit, const struct people_row *person,
		   struct dv_error *err)
{
	const struct busy_question question = question_of(idle, unit, person);
	const struct looks_row *before = looks_find(&idle->looks, person->name);
	int64_t limit_usec = idle->config.instances_stop_idle_after * USEC_PER_MINUTE;
	struct busy_answer answer;
	struct looks_row row = { .name = person->name };
	bool is_over = false;
	int r = 0;

	busy_look(&question, &answer);
	row.agent_ticks = answer.agent_ticks;
	row.agent_start = answer.agent_start;
	if (answer.verdict == BUSY_UNSURE && before)
		row.idle_since_usec = before->idle_since_usec;
	if (answer.verdict == BUSY_IDLE)
		r = since_when(idle, unit, before, &row.idle_since_usec, err);
	if (r == 0 && answer.verdict == BUSY_IDLE &&
	    idle->now_usec - row.idle_since_usec >= limit_usec)
		r = stop_if_still(idle, &question, person, &row, &is_over, err);
	return r < 0 || is_over ? r : looks_put(idle->ledger, &row, err);
}

/* A row of one that does not run any more would be of another run. */
static int forget_others(const struct idle *idle, struct dv_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < idle->looks.n_rows; i++) {
		char unit[INSTANCE_UNIT_BYTES];

		(void)snprintf(unit, sizeof(unit), UNIT_PREFIX "%s.service",
			       idle->looks.rows[i].name);
		if (!str_list_has(&idle->running, unit))
			r = looks_forget(idle->ledger, idle->looks.rows[i].name, err);
	}
	return r;
}

static bool may_stop(const struct config *config)
{
	return config->instances_start != CONFIG_START_ALWAYS &&
	       config->instances_stop_idle_after > 0;
}

static int prepare(struct idle *idle, struct dv_error *err)
{
	static const char *const patterns[] = { UNIT_PREFIX "*.service", NULL };
	int r = ledger_open(&idle->ledger, &idle->env, LEDGER_WRITE, LEDGER_BUSY_MS, err);

	if (r == 0)
		r = manager_open(&idle->manager, err);
	if (r == 0 && may_stop(&idle->config))
		r = manager_list(idle->manager, patterns, on_unit, idle, err);
	if (r == 0)
		r = people_list(idle->ledger, &idle->people, err);
	return r < 0 ? r : looks_list(idle->ledger, &idle->looks, err);
}

static int run_idle(struct idle *idle, struct dv_error *err)
{
	int r = prepare(idle, err);

	idle->now_usec = idle->env.wall_usec(&idle->env);
	if (r == 0)
		r = forget_others(idle, err);
	for (size_t i = 0; r == 0 && i < idle->running.n_items; i++) {
		const char *unit = idle->running.items[i];
		const struct people_row *person = owner_of(idle, unit);
		struct dv_error why = { "" };

		if (person && look_at(idle, unit, person, &why) < 0)
			log_warning("%s", why.text); /* the next look tries again */
	}
	return r;
}

int job_idle(int argc, char **argv DV_UNUSED)
{
	DV_CLEANUP(idle_done) struct idle idle = { .env = ENV_EMPTY };
	struct dv_error err = { "" };
	int r;

	if (argc > 1) {
		log_error("usage: devvm-job idle");
		return JOB_USAGE;
	}
	r = env_init(&idle.env, "/", &err);
	if (r == 0)
		r = config_load(&idle.config, &idle.env, &err);
	if (r == 0)
		r = run_idle(&idle, &err);
	if (r < 0) {
		log_error("idle: %s", err.text);
		return JOB_FAILED;
	}
	return JOB_OK;
}
