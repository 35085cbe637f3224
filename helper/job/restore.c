/* restore.c - devvm-job restore plan-USER-ID|run-USER-ID|force-USER-ID.
 *
 * Order: the copy is held against its digest; a row in the ledger; the hold, behind which nothing of the
 * person's starts; their t3 stops; their own process puts what is there aside and the copy in its place; the
 * row says so; the hold goes; their t3 starts if it ran, and must let in. Whoever finds a row (the next restore,
 * or devvm-recover at boot) goes on from it: until it says "placed" nothing has run, and putting the copy in
 * its place can be done again.
 */
#include "job/restore.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "job/jobs.h"
#include "move/busy.h"
#include "ledger/events.h"
#include "ledger/installs.h"
#include "ledger/moves.h"
#include "ledger/restores.h"
#include "move/letin.h"
#include "move/placing.h"
#include "steps/hold.h"
#include "steps/lock.h"
#include "units/cgroup.h"

#define LEDGER_BUSY_MS 10000
#define LOCK_MS 60000
#define COME_UP_MS 60000
#define PATH_BYTES (64 + STR_USER_NAME_MAX + BACKUPS_ID_BYTES)

struct restore {
	struct env env;
	struct ledger *ledger;
	struct people_row person;
	struct restore_row row;
};

static void restore_done(struct restore *run)
{
	people_row_done(&run->person);
	ledger_close(run->ledger);
	env_done(&run->env);
}

static void t3_unit(const struct restore *run, char ret_unit[static PATH_BYTES])
{
	(void)snprintf(ret_unit, PATH_BYTES, "t3-serve@%s.service", run->row.name);
}

static bool is_running(const struct restore *run)
{
	char unit[PATH_BYTES];
	DV_AUTO_CLOSE int fd = -1;

	t3_unit(run, unit);
	fd = cgroup_open(&run->env, unit, NULL);
	return fd >= 0;
}

static int check_idle(const struct restore *run, struct dv_error *err)
{
	char unit[PATH_BYTES];
	const struct busy_question question = { .env = &run->env,
						.unit = unit,
						.uid = (uid_t)run->person.uid,
						.port = run->person.ports[PEOPLE_PORT_T3] };
	struct busy_answer answer;

	t3_unit(run, unit);
	if (!is_running(run))
		return 0;
	busy_look(&question, &answer);
	return answer.verdict == BUSY_IDLE
		       ? 0
		       : dv_refuse(err, -EBUSY,
				   "%s is at work (%s): wait, or say --force, which ends what "
				   "their t3 does",
				   run->row.name, answer.why);
}

/* Their way to another version leads back by itself; two ways at once would lead anywhere. */
static int check_move(const struct restore *run, struct dv_error *err)
{
	DV_AUTO_MOVES struct moves moves = { 0 };
	int r = moves_list(run->ledger, MOVES_ALL_RUNS, &moves, err);

	for (size_t i = 0; r == 0 && i < moves.n_rows; i++) {
		if (strcmp(moves.rows[i].name, run->row.name) == 0 &&
		    moves_is_between(moves.rows[i].state))
			r = dv_refuse(err, -EBUSY,
				      "%s is just being updated: try again in some minutes",
				      run->row.name);
	}
	return r;
}

static int check_hold(const struct restore *run, struct dv_error *err)
{
	if (!hold_is_set(&run->env, run->row.name))
		return 0;
	return dv_refuse(err, -EBUSY, "%s is on hold already: /" HOLD_FOLDER "/%s says by whom",
			 run->row.name, run->row.name);
}

static struct placing placing_of(const struct restore *run)
{
	return (struct placing){ .env = &run->env,
				 .ledger = run->ledger,
				 .user = run->row.name,
				 .id = run->row.id,
				 .began_usec = run->row.began_usec };
}

static int start_again(const struct restore *run, struct dv_error *err)
{
	const struct letin letin = { .env = &run->env,
				     .person = &run->person,
				     .start_ms = COME_UP_MS };
	DV_AUTO_SECRET struct secret cookies = { 0 };
	int r = letin_start(&letin, err);

	return r < 0 ? r : letin_pair(&letin, &cookies, err);
}

/* ---- the run -------------------------------------------------------------------------- */

static int release(struct restore *run, char ret_done[static ERROR_MAX_BYTES], struct dv_error *err)
{
	const struct placing placing = placing_of(run);
	char aside[PLACING_ASIDE_BYTES];
	struct dv_error why = { "" };
	int started = 0, r = hold_release(&run->env, run->row.name, err);

	placing_aside(&placing, aside);
	if (r == 0 && run->row.was_running)
		started = start_again(run, &why);
	if (r == 0)
		r = restores_end(run->ledger, run->row.name, err);
	if (r < 0)
		return r;
	(void)snprintf(ret_done, ERROR_MAX_BYTES,
		       "%s has the copy %s; what was there is in %s%s%.200s", run->row.name,
		       run->row.id, aside,
		       started < 0	      ? ". Their t3 does not let in: "
		       : run->row.was_running ? "; their t3 runs and lets in"
					      : "; their t3 starts when they come",
		       started < 0 ? why.text : "");
	log_write(LOG_NOTICE, &(struct log_fields){ .user = run->row.name, .step = "restore" },
		  "%s", ret_done);
	r = events_add(run->ledger, run->env.wall_usec(&run->env), LOG_NOTICE, run->row.name,
		       "restore", ret_done, err);
	return r < 0 ? r : started < 0 ? dv_refuse(err, started, "%s", ret_done) : 0;
}

/* The row as it is under the lock: whoever wrote it may have come to its end meanwhile. -ESTALE: it is gone. */
static int read_row(struct restore *run, struct dv_error *err)
{
	DV_AUTO_RESTORES struct restores restores = { 0 };
	int r = restores_list(run->ledger, &restores, err);

	for (size_t i = 0; r == 0 && i < restores.n_rows; i++) {
		if (strcmp(restores.rows[i].name, run->row.name) != 0)
			continue;
		run->row = restores.rows[i];
		return 0;
	}
	return r < 0 ? r : dv_refuse(err, -ESTALE, "it is finished");
}

/* From the row on. */
static int go_on(struct restore *run, char ret_done[static ERROR_MAX_BYTES], struct dv_error *err)
{
	DV_AUTO_CLOSE int lock =
		lock_take(&run->env, run->row.name, clock_deadline_ms(LOCK_MS), err);
	int r = lock < 0 ? lock : read_row(run, err);

	const struct placing placing = placing_of(run);
	char why[64];

	(void)snprintf(why, sizeof(why), "restore of %s", run->row.id);
	if (r == 0 && run->row.state == RESTORE_HELD) {
		r = hold_set(&run->env, run->row.name, why, err);
		if (r == 0)
			r = placing_run(&placing, err);
		if (r < 0)
			return dv_prefix(err, r,
					 "it is not finished, and nothing of %s starts until "
					 "systemctl start devvm-recover has finished it",
					 run->row.name);
		if (r == 0)
			r = restores_note(run->ledger, run->row.name, RESTORE_PLACED, err);
	}
	return r < 0 ? r : release(run, ret_done, err);
}

static int begin(struct restore *run, bool is_forced, char ret_done[static ERROR_MAX_BYTES],
		 struct dv_error *err)
{
	int r = is_forced ? 0 : check_idle(run, err);

	if (r == 0)
		r = check_hold(run, err);
	if (r == 0)
		r = check_move(run, err);
	if (r < 0)
		return r;
	run->row.state = RESTORE_HELD;
	run->row.began_usec = run->env.wall_usec(&run->env);
	run->row.was_running = is_running(run);
	r = restores_begin(run->ledger, &run->row, err);
	return r < 0 ? r : go_on(run, ret_done, err);
}

static int find_person(struct restore *run, struct dv_error *err)
{
	int r = people_get(run->ledger, run->row.name, &run->person, err);

	if (r == 0 && (run->person.state != PEOPLE_PRESENT || run->person.uid == PEOPLE_NO_UID))
		r = dv_refuse(err, -EPERM, "%s has left, or has no account yet", run->row.name);
	return r;
}

static int open_run(struct restore *run, struct dv_error *err)
{
	int r = env_init(&run->env, "/", err);

	return r < 0 ? r : ledger_open(&run->ledger, &run->env, LEDGER_WRITE, LEDGER_BUSY_MS, err);
}

/* "run-emo-20261127-031500": the ID is of one length, and a name may have a dash. */
static bool parse(const char *instance, size_t n_word, struct restore_row *ret_row)
{
	size_t n = strlen(instance), n_id = BACKUPS_ID_BYTES - 1;
	size_t n_name = n > n_word + n_id + 1 ? n - n_word - n_id - 1 : 0;

	if (n_name == 0 || n_name > STR_USER_NAME_MAX || instance[n_word + n_name] != '-')
		return false;
	memcpy(ret_row->name, instance + n_word, n_name);
	ret_row->name[n_name] = '\0';
	(void)snprintf(ret_row->id, sizeof(ret_row->id), "%s", instance + n_word + n_name + 1);
	return str_is_user_name(ret_row->name) && backups_is_id(ret_row->id);
}

static int carry_out(struct restore *run, bool is_plan, bool is_forced,
		     char ret_done[static ERROR_MAX_BYTES], struct dv_error *err)
{
	char sha256[DIGEST_HEX_BYTES];
	int r = find_person(run, err);

	if (r == 0)
		r = placing_check(&(struct placing){ .env = &run->env,
						     .ledger = run->ledger,
						     .user = run->row.name,
						     .id = run->row.id },
				  sha256, err);
	if (r < 0 || !is_plan)
		return r < 0 ? r : begin(run, is_forced, ret_done, err);
	r = check_idle(run, err);
	if (r == 0)
		r = check_hold(run, err);
	if (r == 0)
		r = check_move(run, err);
	if (r == 0)
		(void)snprintf(
			ret_done, ERROR_MAX_BYTES,
			"would put the copy %s in the place of %s's database%s; what is there "
			"goes to ~/.t3/userdata/aside-%s-…",
			run->row.id, run->row.name,
			is_running(run) ? ", stopping their t3 for that" : "", run->row.id);
	return r;
}

int job_restore(int argc, char **argv)
{
	static const struct {
		const char *word;
		bool is_plan, is_forced;
	} words[] = { { "plan-", true, false },
		      { "run-", false, false },
		      { "force-", false, true } };
	DV_CLEANUP(restore_done) struct restore run = { .env = ENV_EMPTY };
	char done[ERROR_MAX_BYTES] = "", key[PATH_BYTES + 32];
	struct dv_error err = { "" }, why = { "" };
	size_t i = 0;
	int r, result;

	while (i < DV_COUNT(words) && (argc != 2 || !str_starts_with(argv[1], words[i].word) ||
				       !parse(argv[1], strlen(words[i].word), &run.row)))
		i++;
	if (i == DV_COUNT(words)) {
		log_error("usage: devvm-job restore plan-USER-ID|run-USER-ID|force-USER-ID");
		return JOB_USAGE;
	}
	r = open_run(&run, &err);
	if (r < 0) {
		log_error("restore: %s", err.text);
		return JOB_FAILED;
	}
	result = carry_out(&run, words[i].is_plan, words[i].is_forced, done, &why);
	if (result < 0)
		log_error("restore of %s: %s", run.row.name, why.text);
	(void)snprintf(key, sizeof(key), "restore-%s", argv[1]);
	r = installs_put(run.ledger, key, result == 0, result < 0 ? why.text : done, &err);
	if (r < 0)
		log_error("restore: %s", err.text);
	return r < 0 || result < 0 ? JOB_FAILED : JOB_OK;
}

/* ---- recovering ----------------------------------------------------------------------- */

/* Whoever holds the person's lock is at it. */
static bool is_under_way(const struct restore *run)
{
	struct dv_error err = { "" };
	DV_AUTO_CLOSE int lock_fd = lock_take(&run->env, run->row.name, clock_now_ms(), &err);

	return lock_fd == -ETIMEDOUT;
}

static int recover_one(const struct restore_row *row, struct dv_error *err)
{
	DV_CLEANUP(restore_done) struct restore run = { .env = ENV_EMPTY, .row = *row };
	char done[ERROR_MAX_BYTES] = "";
	int r = open_run(&run, err);

	if (r == 0 && is_under_way(&run))
		return 0;
	if (r == 0)
		r = find_person(&run, err);
	if (r == 0)
		r = go_on(&run, done, err);
	return r == -ESTALE ? 0 : r;
}

int restore_recover(bool *ret_is_whole, struct dv_error *err)
{
	DV_CLEANUP(restore_done) struct restore run = { .env = ENV_EMPTY };
	DV_AUTO_RESTORES struct restores restores = { 0 };
	struct dv_error why = { "" };
	int r = open_run(&run, err);

	if (r == 0)
		r = restores_list(run.ledger, &restores, err);
	if (r < 0)
		return r;
	*ret_is_whole = true;
	for (size_t i = 0; i < restores.n_rows; i++) {
		if (recover_one(&restores.rows[i], &why) == 0)
			continue;
		log_error("the restore of %s is not finished, and nothing of theirs starts: %s",
			  restores.rows[i].name, why.text);
		*ret_is_whole = false;
	}
	return 0;
}
