/* recover.c - what a killed run left open is finished or undone. See recover.h.
 *
 * The ledger says how far it was. A rollback goes on, and so does an end that was begun; where the version had failed
 * with somebody and was not judged yet it is judged now. Of all else what was not finished is undone: somebody who was
 * between two versions gets one of them, whoever has the new one keeps it, and the next run begins anew.
 */
#include "rollout/recover.h"

#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "ledger/events.h"
#include "move/move.h"
#include "rollout/back.h"
#include "rollout/canary.h"
#include "rollout/notify.h"
#include "rollout/proven.h"

static int end(struct rollout *rollout, const struct update_run *ended, enum update_outcome outcome,
	       struct dv_error *err)
{
	const struct update_outcome_row *row = update_outcome_row(outcome);
	int64_t now_usec = rollout->env.wall_usec(&rollout->env);
	char run[24];
	int r;

	(void)snprintf(run, sizeof(run), "%lld", (long long)ended->id);
	log_write(row->priority, &(struct log_fields){ .run = run, .message_id = row->message_id },
		  "update: %s", rollout->text);
	rollout_notify(rollout, ended->id, ended->to, outcome);
	r = update_log_end(rollout->ledger, ended->id, now_usec, row->name, rollout->text, err);
	return r < 0 ? r
		     : events_add(rollout->ledger, now_usec, row->priority, NULL, "update",
				  rollout->text, err);
}

/* One who cannot be brought to an end is told, and does not keep the others from theirs. */
static int recover_one(struct rollout *rollout, struct move_row *row, unsigned int *n_failed,
		       struct dv_error *err)
{
	const struct mover mover = { .env = &rollout->env,
				     .config = &rollout->config,
				     .ledger = rollout->ledger,
				     .manager = rollout->manager,
				     .run = row->run };
	DV_AUTO_PEOPLE_ROW struct people_row person = { 0 };
	struct dv_error why = { "" };
	char text[ERROR_MAX_BYTES];
	int r = people_get(rollout->ledger, row->name, &person, &why);

	if (r == 0)
		r = move_recover(&mover, &person, row, &why);
	if (r < 0) {
		*n_failed += 1;
		log_error("update: %s", why.text);
		return 0;
	}
	(void)snprintf(text, sizeof(text), "%s has t3 %s, after a run that was killed", row->name,
		       row->state == UPDATE_STATE_MOVED ? row->to : row->from);
	log_notice("update: %s", text);
	return events_add(rollout->ledger, rollout->env.wall_usec(&rollout->env), LOG_NOTICE,
			  row->name, "update", text, err);
}

static int recover_people(struct rollout *rollout, unsigned int *n_failed, struct dv_error *err)
{
	DV_AUTO_MOVES struct moves moves = { 0 };
	int r = moves_list(rollout->ledger, MOVES_ALL_RUNS, &moves, err);

	for (size_t i = 0; r == 0 && i < moves.n_rows; i++) {
		if (moves_is_between(moves.rows[i].state))
			r = recover_one(rollout, &moves.rows[i], n_failed, err);
	}
	return r;
}

static bool touches_people(enum update_state state)
{
	return state == UPDATE_STATE_CANARY || state == UPDATE_STATE_ROLLBACK ||
	       state == UPDATE_STATE_DONE;
}

/* The sentence with which a rollback was begun. */
static int find_why(struct rollout *rollout, int64_t id, char ret_why[static ERROR_MAX_BYTES],
		    struct dv_error *err)
{
	DV_AUTO_UPDATE_STEPS struct update_steps steps = { 0 };
	int r = update_log_steps(rollout->ledger, id, &steps, err);

	(void)snprintf(ret_why, ERROR_MAX_BYTES, "the run that found it was killed");
	for (size_t i = 0; r == 0 && i < steps.n_rows; i++) {
		if (steps.rows[i].state == UPDATE_STATE_ROLLBACK)
			(void)snprintf(ret_why, ERROR_MAX_BYTES, "%s", steps.rows[i].text);
	}
	return r;
}

/* With whom the version of the run failed before there was a verdict on it: their name and what was seen; "" for
 * nobody. */
static int find_failed(struct rollout *rollout, int64_t id,
		       char ret_name[static STR_USER_NAME_MAX + 1],
		       char ret_why[static ERROR_MAX_BYTES], struct dv_error *err)
{
	DV_AUTO_UPDATE_STEPS struct update_steps steps = { 0 };
	int r = update_log_steps(rollout->ledger, id, &steps, err);

	ret_name[0] = '\0';
	for (size_t i = 0; r == 0 && i < steps.n_rows; i++) {
		const struct update_step *step = &steps.rows[i];

		if (step->state == UPDATE_STATE_FAILED && step->person) {
			(void)snprintf(ret_name, STR_USER_NAME_MAX + 1, "%s", step->person);
			(void)snprintf(ret_why, ERROR_MAX_BYTES, "%s", step->text);
		} else if (step->state == UPDATE_STATE_EXCLUDED &&
			   str_equal(step->person, ret_name)) {
			ret_name[0] = '\0';
		}
	}
	return r;
}

/* Whether the version is to blame, from where the killed run left it: they were brought back, or are held. */
static int judge(struct rollout *rollout, const char *name, const char *why,
		 enum move_outcome *ret_outcome, struct dv_error *err)
{
	DV_AUTO_MOVES struct moves moves = { 0 };
	DV_AUTO_PEOPLE_ROW struct people_row person = { 0 };
	const struct move_row *found;
	struct mover mover = { .env = &rollout->env,
			       .config = &rollout->config,
			       .ledger = rollout->ledger,
			       .manager = rollout->manager };
	struct move_row row;
	int r = moves_list(rollout->ledger, MOVES_ALL_RUNS, &moves, err);

	if (r == 0)
		r = people_get(rollout->ledger, name, &person, err);
	if (r < 0)
		return r;
	found = moves_find(&moves, name);
	*ret_outcome = MOVE_EXCLUDED;
	if (!found || person.state != PEOPLE_PRESENT || person.parked)
		return 0; /* they run neither version */
	/* They could not be brought back: what the old one does cannot be told, and nobody else is to get there. */
	*ret_outcome = MOVE_FAILED;
	if (moves_is_between(found->state))
		return 0;
	row = *found;
	mover.run = row.run;
	return move_try_old(&mover, &person, &row, why, ret_outcome, err);
}

static int roll_back(struct rollout *rollout, const struct update_run *run, const char *why,
		     enum update_outcome *ret_outcome, struct dv_error *err)
{
	*ret_outcome = rollout_roll_back(rollout, run->id, run->to, why);
	return *ret_outcome == UPDATE_FAILED ? dv_refuse(err, -EIO, "%s", rollout->text) : 0;
}

/* With whom the version of the run failed, and was not judged; "" for nobody, and where it had proved itself: there
 * no verdict is to be. */
static int find_unjudged(struct rollout *rollout, const struct update_run *run,
			 char ret_name[static STR_USER_NAME_MAX + 1],
			 char ret_why[static ERROR_MAX_BYTES], struct dv_error *err)
{
	char current[STORE_VERSION_BYTES] = "";
	int r = rollout_find_good(rollout, current, err);

	ret_name[0] = '\0';
	if (r < 0 || rollout_is_proven(rollout, current, run->to))
		return r;
	return find_failed(rollout, run->id, ret_name, ret_why, err);
}

bool rollout_awaits_verdict(struct rollout *rollout)
{
	DV_AUTO_UPDATE_RUN struct update_run run = { 0 };
	char name[STR_USER_NAME_MAX + 1] = "", why[ERROR_MAX_BYTES] = "";
	struct dv_error err = { "" };
	int r = update_log_open(rollout->ledger, &run, &err);

	if (r == 0 && run.state != UPDATE_STATE_CANARY)
		return false;
	if (r == 0)
		r = find_unjudged(rollout, &run, name, why, &err);
	return r < 0 || *name;
}

/* The verdict that the run was killed before. */
static int finish_canary(struct rollout *rollout, const struct update_run *run,
			 enum update_outcome *ret_outcome, struct dv_error *err)
{
	char name[STR_USER_NAME_MAX + 1] = "", why[ERROR_MAX_BYTES] = "";
	char text[ERROR_MAX_BYTES];
	enum move_outcome outcome = MOVE_UNSET;
	int r = find_unjudged(rollout, run, name, why, err);

	if (r < 0 || !*name)
		return r;
	r = judge(rollout, name, why, &outcome, err);
	if (r < 0 || outcome != MOVE_FAILED)
		return r;
	(void)snprintf(text, sizeof(text), "with %s: %.300s", name, why);
	r = update_log_enter(rollout->ledger, run->id, rollout->env.wall_usec(&rollout->env),
			     UPDATE_STATE_ROLLBACK, NULL, text, err);
	return r < 0 ? r : roll_back(rollout, run, text, ret_outcome, err);
}

static int finish(struct rollout *rollout, const struct update_run *run,
		  enum update_outcome *ret_outcome, struct dv_error *err)
{
	char why[ERROR_MAX_BYTES];
	int r = 0;

	*ret_outcome = UPDATE_INTERRUPTED;
	if (run->state == UPDATE_STATE_DONE) {
		*ret_outcome = UPDATE_DONE;
		r = rollout_finish(rollout, run->to, err);
		(void)snprintf(rollout->text, sizeof(rollout->text),
			       "t3 %s is current now; the run was killed at its end", run->to);
	} else if (run->state == UPDATE_STATE_ROLLBACK) {
		r = find_why(rollout, run->id, why, err);
		if (r == 0)
			r = roll_back(rollout, run, why, ret_outcome, err);
	} else if (run->state == UPDATE_STATE_CANARY) {
		r = finish_canary(rollout, run, ret_outcome, err);
	}
	return r;
}

int rollout_recover(struct rollout *rollout, struct dv_error *err)
{
	DV_AUTO_UPDATE_RUN struct update_run run = { 0 };
	enum update_outcome outcome = UPDATE_INTERRUPTED;
	unsigned int n_failed = 0;
	int r = update_log_open(rollout->ledger, &run, err);

	if (r == 0)
		r = recover_people(rollout, &n_failed, err);
	if (r < 0 || run.id == 0)
		return r;
	(void)snprintf(rollout->text, sizeof(rollout->text),
		       "run %lld was killed in the state %s; %s", (long long)run.id,
		       update_state_word(run.state),
		       !touches_people(run.state) ? "nobody's version was touched"
		       : n_failed == 0		  ? "everybody has one whole version"
						  : "somebody could not be brought to an end yet");
	r = finish(rollout, &run, &outcome, err);
	return r < 0 ? r : end(rollout, &run, outcome, err);
}
