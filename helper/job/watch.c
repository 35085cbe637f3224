/* watch.c - devvm-job watch: the t3 of people that answer no more are restarted.
 *
 * Root, every minute (devvm-watch.timer). All running ones are asked at once; what is to be done about who does not
 * answer is move/watchdog.h's to say, and done here under the person's lock: a checked copy of the database, one more
 * question, a row in the ledger, and only then the restart, of the same version. A copy that cannot be had is told and
 * keeps nobody from being restarted, because that migrates nothing. Whoever is on hold, or between two versions, is
 * somebody else's business; a freeze holds versions and not this. One whose lock is taken is seen to a minute later,
 * and so are those for whom a run has no time left.
 */
#include "job/watch.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "job/jobs.h"
#include "job/settings.h"
#include "move/between.h"
#include "steps/instance_units.h"

#define LEDGER_BUSY_MS 10000
#define BEGIN_MS 600000
#define USEC_PER_SECOND INT64_C(1000000)
#define USEC_PER_MINUTE (60 * USEC_PER_SECOND)

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

		if (!person || between_is_anothers(&watch->env, &moves, person->name))
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
			r = watch_remember(watch, row, &after, err);
	}
	return r;
}

static int prepare(struct watch *watch, struct dv_error *err)
{
	static const char *const patterns[] = { WATCH_UNIT_PREFIX "*.service", NULL };
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

		if (watch_look_at(watch, watch->asked[at], &watch->servers[at], &why) < 0)
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
		r = settings_load(&watch.config, &watch.env, &err);
	if (r == 0 && watch.config.watchdog_enabled)
		r = run_watch(&watch, &err);
	if (r < 0) {
		log_error("watchdog: %s", err.text);
		return JOB_FAILED;
	}
	return JOB_OK;
}
