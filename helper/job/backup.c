/* backup.c - devvm-job backup [USER]: copies of people's databases that no process of theirs can reach.
 *
 * One person's trouble is theirs: the others' copies are made all the same. Whoever is on hold is left out. With --first
 * it is what their t3 waits for at its first start: a database from before has a copy before a version works on it.
 */
#include "job/jobs.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "job/settings.h"
#include "ledger/backups.h"
#include "ledger/events.h"
#include "ledger/installs.h"
#include "move/copying.h"
#include "steps/hold.h"
#include "steps/lock.h"

#define LEDGER_BUSY_MS 10000
#define LOCK_MS 60000

struct backup {
	struct env env;
	struct config config;
	struct ledger *ledger;
	const char *reason;
	unsigned int n_made, n_failed, n_skipped;
};

static void backup_done(struct backup *run)
{
	ledger_close(run->ledger);
	config_done(&run->config);
	env_done(&run->env);
}

/* Negative where the ledger fails; the person's own trouble is noted. */
static int back_up(struct backup *run, const struct people_row *person, struct dv_error *err)
{
	const struct copying copying = { .env = &run->env,
					 .config = &run->config,
					 .ledger = run->ledger,
					 .reason = run->reason };
	struct dv_error why = { "" };
	DV_AUTO_CLOSE int lock =
		lock_take(&run->env, person->name, clock_deadline_ms(LOCK_MS), &why);
	struct copying_result result;
	int r;

	if (lock == -ETIMEDOUT) {
		log_warning("no backup of %s: %s", person->name, why.text);
		run->n_failed++;
		return events_add(run->ledger, run->env.wall_usec(&run->env), LOG_WARNING,
				  person->name, "backup", why.text, err);
	}
	if (lock < 0)
		return dv_refuse(err, lock, "%s", why.text);
	if (hold_is_set(&run->env, person->name)) {
		log_info("%s is on hold and is left out", person->name);
		run->n_skipped++;
		return 0;
	}
	r = copying_run(&copying, person, &result, err);
	if (r < 0)
		return r;
	run->n_made += result.outcome == COPYING_MADE;
	run->n_failed += result.outcome == COPYING_FAILED;
	run->n_skipped += result.outcome == COPYING_NONE;
	return 0;
}

static bool has_data(const struct people_row *person)
{
	return person->state == PEOPLE_PRESENT && person->uid != PEOPLE_NO_UID;
}

/* ---- everybody ------------------------------------------------------------------------ */

struct turn {
	const struct people_row *person;
	const char *last; /* the ID of the last attempt; "": none */
};

static int compare_turns(const void *a, const void *b)
{
	const struct turn *one = a, *other = b;
	int order = strcmp(one->last, other->last);

	return order ? order : strcmp(one->person->name, other->person->name);
}

/* Whoever has waited longest first: a run that comes to its time limit leaves out others than the last one did. */
static void set_turns(const struct people *people, const struct backups *backups,
		      struct turn *ret_turns)
{
	for (size_t i = 0; i < people->n_rows; i++)
		ret_turns[i] = (struct turn){ &people->rows[i], "" };
	for (size_t i = 0; i < backups->n_rows; i++) {
		const struct backups_row *row = &backups->rows[i];
		const struct people_row *person = people_find(people, row->name);

		/* The newest of each comes first. */
		if (person && !*ret_turns[person - people->rows].last)
			ret_turns[person - people->rows].last = row->id;
	}
	qsort(ret_turns, people->n_rows, sizeof(*ret_turns), compare_turns);
}

static int back_up_all(struct backup *run, struct dv_error *err)
{
	DV_AUTO_PEOPLE struct people people = { 0 };
	DV_AUTO_BACKUPS struct backups backups = { 0 };
	DV_AUTO_FREE struct turn *turns = NULL;
	int r = people_list(run->ledger, &people, err);

	if (r == 0)
		r = backups_list(run->ledger, NULL, &backups, err);
	if (r < 0)
		return r;
	turns = calloc(people.n_rows + 1, sizeof(*turns));
	if (!turns)
		return dv_fail(err, -ENOMEM, "list whose database is to be copied");
	set_turns(&people, &backups, turns);
	for (size_t i = 0; r == 0 && i < people.n_rows; i++) {
		if (has_data(turns[i].person))
			r = back_up(run, turns[i].person, err);
	}
	return r;
}

static int back_up_one(struct backup *run, const char *user, struct dv_error *err)
{
	DV_AUTO_PEOPLE_ROW struct people_row person = { 0 };
	int r = people_get(run->ledger, user, &person, err);

	if (r < 0)
		return r;
	return has_data(&person)
		       ? back_up(run, &person, err)
		       : dv_refuse(err, -EPERM, "%s has left, or has no account yet", user);
}

static int open_run(struct backup *run, struct dv_error *err)
{
	int r = env_init(&run->env, "/", err);

	if (r == 0)
		r = settings_load(&run->config, &run->env, err);
	return r < 0 ? r : ledger_open(&run->ledger, &run->env, LEDGER_WRITE, LEDGER_BUSY_MS, err);
}

/* For who asked with devvmctl. */
static int tell(struct backup *run, const char *user, int result, const struct dv_error *why,
		struct dv_error *err)
{
	char key[64 + STR_USER_NAME_MAX], text[ERROR_MAX_BYTES];

	(void)snprintf(key, sizeof(key), "backup-%s", user ? user : "@all");
	if (result < 0)
		(void)snprintf(text, sizeof(text), "%s", why->text);
	else
		(void)snprintf(text, sizeof(text),
			       "%u backed up, %u failed, %u without a database or on hold%s",
			       run->n_made, run->n_failed, run->n_skipped,
			       run->n_failed ? ": devvmctl backups says why" : "");
	return installs_put(run->ledger, key, result == 0 && run->n_failed == 0, text, err);
}

int job_backup(int argc, char **argv)
{
	DV_CLEANUP(backup_done) struct backup run = { .env = ENV_EMPTY };
	bool is_first = argc == 3 && strcmp(argv[1], "--first") == 0;
	const char *user = argc >= 2 ? argv[argc - 1] : NULL;
	struct dv_error err = { "" }, why = { "" };
	int result, r;

	if ((argc > 2 && !is_first) || (user && !str_is_user_name(user))) {
		log_error("usage: devvm-job backup [[--first] USER]");
		return JOB_USAGE;
	}
	r = open_run(&run, &err);
	if (r < 0) {
		log_error("backup: %s", err.text);
		return JOB_FAILED;
	}
	run.reason = is_first ? "first" : user ? "hand" : "daily";
	result = user ? back_up_one(&run, user, &why) : back_up_all(&run, &why);
	if (result < 0)
		log_error("backup: %s", why.text);
	r = is_first ? 0 : tell(&run, user, result, &why, &err);
	if (r < 0)
		log_error("backup: %s", err.text);
	return r < 0 || result < 0 || run.n_failed > 0 ? JOB_FAILED : JOB_OK;
}
