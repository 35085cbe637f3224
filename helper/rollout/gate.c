/* gate.c - the candidate on copies of people's databases, before anybody gets it. See gate.h.
 *
 * The copies are those of the backups: the newest checked one of each person, made anew where it is more than a
 * day old. What was found of a version is remembered for a day, so that a run that was killed behind the gate does not
 * go through it again.
 */
#include "rollout/gate.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "ledger/gates.h"
#include "ledger/people.h"
#include "ledger/update_notes.h"
#include "move/copying.h"
#include "rollout/bad.h"
#include "rollout/gating.h"
#include "rollout/people.h"
#include "roster/tiers.h"
#include "steps/hold.h"
#include "steps/lock.h"
#include "store/backup_copy.h"
#include "update/version.h"

#define USEC_PER_HOUR (INT64_C(3600) * 1000000)
#define COPY_AGE_USEC (26 * USEC_PER_HOUR)
#define LOCK_MS 60000
#define PATH_BYTES (BACKUPS_PATH_BYTES + 1)

struct seeds {
	struct gated rows[GATING_SEEDS_MAX];
	char paths[GATING_SEEDS_MAX][PATH_BYTES];
	size_t n;
};

/* ---- the databases -------------------------------------------------------------------- */

/* "" where there is none that is young enough; a dry run, which makes none, takes any. */
static int find_copy(struct rollout *rollout, const char *user,
		     char ret_id[static BACKUPS_ID_BYTES], struct dv_error *err)
{
	DV_AUTO_BACKUPS struct backups backups = { 0 };
	int64_t now_usec = rollout->env.wall_usec(&rollout->env), at_usec = 0;
	int r = backups_list(rollout->ledger, user, &backups, err);

	ret_id[0] = '\0';
	for (size_t i = 0; r == 0 && i < backups.n_rows && !*ret_id; i++) {
		if (!backups.rows[i].is_ok)
			continue;
		if (backups_time(backups.rows[i].id, &at_usec) &&
		    (rollout->order.dry_run || now_usec - at_usec < COPY_AGE_USEC))
			(void)snprintf(ret_id, BACKUPS_ID_BYTES, "%s", backups.rows[i].id);
		break;
	}
	return r;
}

static int make_copy(struct rollout *rollout, const struct people_row *person,
		     char ret_id[static BACKUPS_ID_BYTES], struct dv_error *err)
{
	const struct copying copying = { .env = &rollout->env,
					 .config = &rollout->config,
					 .ledger = rollout->ledger,
					 .reason = "gate" };
	DV_AUTO_CLOSE int lock_fd =
		lock_take(&rollout->env, person->name, clock_deadline_ms(LOCK_MS), err);
	struct copying_result result = { 0 };
	int r = lock_fd < 0 ? lock_fd : 0;

	if (r ==
	    -ETIMEDOUT) /* another job is at work on them: nobody waits for one person's copy */
		return 0;
	if (r == 0 && !hold_is_set(&rollout->env, person->name))
		r = copying_run(&copying, person, &result, err);
	if (r == 0)
		(void)snprintf(ret_id, BACKUPS_ID_BYTES, "%s", result.id);
	return r;
}

/* Whoever has no database, or one that cannot be copied, is no seed. */
static int add_person(struct rollout *rollout, struct seeds *seeds, const struct people_row *person,
		      struct dv_error *err)
{
	struct gated *gated = &seeds->rows[seeds->n];
	char *path = seeds->paths[seeds->n];
	char id[BACKUPS_ID_BYTES] = "";
	int r = find_copy(rollout, person->name, id, err);

	if (r == 0 && !*id && !rollout->order.dry_run)
		r = make_copy(rollout, person, id, err);
	if (r < 0 || !*id)
		return r;
	*path = '/';
	backups_path(person->name, id, path + 1);
	(void)snprintf(gated->name, sizeof(gated->name), "%s", person->name);
	gated->whose = strcmp(person->tier, tier_name(TIER_ADMIN)) == 0 ? GATE_ADMIN : GATE_PERSON;
	gated->seed = (struct gate_seed){ .name = gated->name, .path = path };
	seeds->n++;
	return 0;
}

static bool is_seed(const struct rollout *rollout, const struct people_row *person)
{
	if (!rollout_is_served(person))
		return false;
	return rollout->config.update_gate == CONFIG_GATE_EVERYBODY ||
	       (rollout->config.update_gate == CONFIG_GATE_ADMINS &&
		strcmp(person->tier, tier_name(TIER_ADMIN)) == 0);
}

static int list_seeds(struct rollout *rollout, struct seeds *seeds, struct dv_error *err)
{
	DV_AUTO_PEOPLE struct people people = { 0 };
	int r = people_list(rollout->ledger, &people, err);

	seeds->rows[seeds->n++] = gating_synthetic();
	for (size_t i = 0; r == 0 && i < people.n_rows && seeds->n < GATING_SEEDS_MAX; i++) {
		if (is_seed(rollout, &people.rows[i]))
			r = add_person(rollout, seeds, &people.rows[i], err);
	}
	return r;
}

/* ---- what came of it ------------------------------------------------------------------ */

static int note(struct rollout *rollout, const char *version, const char *seed,
		const struct gate_result *result, struct dv_error *err)
{
	if (result->outcome == GATE_UNSET || rollout->order.dry_run)
		return 0;
	return gates_add(rollout->ledger,
			 &(struct gates_row){ .run = rollout->id,
					      .version = version,
					      .seed = seed,
					      .at_usec = rollout->env.wall_usec(&rollout->env),
					      .outcome = gate_outcome_name(result->outcome),
					      .failed_check = gate_check_name(result->check),
					      .text = result->text,
					      .start_ms = result->start_ms,
					      .memory_kib = result->memory_kib,
					      .from_level = result->from,
					      .to_level = result->to,
					      .total_ms = result->total_ms },
			 err);
}

static int note_all(struct rollout *rollout, const struct gating *gating, struct dv_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < gating->n_seeds; i++) {
		const struct gated *gated = &gating->seeds[i];

		r = note(rollout, gating->version, gated->seed.name, &gated->candidate, err);
		if (r == 0)
			r = note(rollout, gating->last_good, gated->seed.name, &gated->last_good,
				 err);
		if (r == 0 && gated->is_excluded &&
		    str_list_add(&rollout->excluded, gated->name) < 0)
			r = dv_fail(err, -ENOMEM, "note who is excluded");
	}
	return r;
}

/* The first that did not pass says why. */
static void describe(const struct gating *gating, const char *verdict,
		     char ret_text[static ERROR_MAX_BYTES])
{
	for (size_t i = 0; i < gating->n_seeds; i++) {
		const struct gated *gated = &gating->seeds[i];

		if (gated->candidate.outcome == GATE_PASSED)
			continue;
		(void)snprintf(ret_text, ERROR_MAX_BYTES,
			       "the gate says that t3 %s is %s: on the database of %s: %s: %s",
			       gating->version, verdict, gated->seed.name,
			       gate_check_name(gated->candidate.check), gated->candidate.text);
		return;
	}
	(void)snprintf(ret_text, ERROR_MAX_BYTES, "the gate says that t3 %s is %s", gating->version,
		       verdict);
}

static enum update_outcome conclude(struct rollout *rollout, const struct gating *gating)
{
	struct dv_error err = { "" };
	int r;

	describe(gating, gate_verdict_name(gating->verdict), rollout->text);
	switch (gating->verdict) {
	case GATE_GOOD:
		if (rollout->order.dry_run)
			return UPDATE_STAGED;
		r = update_note_gated(rollout->ledger, gating->version,
				      rollout->candidate.integrity, gating->last_good,
				      rollout->env.wall_usec(&rollout->env), &rollout->excluded,
				      &err);
		return r < 0 ? rollout_end_with(rollout, UPDATE_FAILED, &err) : UPDATE_STAGED;
	case GATE_BAD:
		/* One that somebody goes back to was good before: what speaks against it now is no reason for good. */
		if (rollout->order.dry_run || version_is_before(gating->version, gating->last_good))
			return UPDATE_BAD;
		r = rollout_condemn(rollout, gating->version, rollout->id, rollout->text, &err);
		return r < 0 ? rollout_end_with(rollout, UPDATE_FAILED, &err) : UPDATE_BAD;
	case GATE_INCONCLUSIVE:
	case GATE_VERDICT_UNSET:
		break;
	}
	return UPDATE_INCONCLUSIVE;
}

static enum update_outcome ask(struct rollout *rollout)
{
	DV_AUTO_FREE struct seeds *seeds = calloc(1, sizeof(*seeds));
	struct gating gating = { .env = &rollout->env,
				 .version = rollout->candidate.version,
				 .last_good = rollout->last_good,
				 .start_s = rollout->config.update_start_s };
	struct dv_error err = { "" };
	int r = seeds ? list_seeds(rollout, seeds, &err)
		      : dv_fail(&err, -ENOMEM, "list the databases for the gate");

	if (r == 0) {
		gating.seeds = seeds->rows;
		gating.n_seeds = seeds->n;
		r = gating_run(&gating, &err);
	}
	if (r == 0)
		r = note_all(rollout, &gating, &err);
	return r < 0 ? rollout_end_with(rollout, UPDATE_FAILED, &err) : conclude(rollout, &gating);
}

enum update_outcome rollout_gate(struct rollout *rollout)
{
	const char *version = rollout->candidate.version;
	bool is_known = false;
	struct dv_error err = { "" };
	int r = rollout_enter(rollout, UPDATE_STATE_GATE, version, &err);

	/* The version that people have is not tried against itself: who is left behind gets it, but whom it was found
	 * not to go with. */
	if (r == 0 && strcmp(version, rollout->last_good) == 0) {
		r = update_was_gated(rollout->ledger, version, &is_known, &rollout->excluded, &err);
		is_known = true;
	} else if (r == 0)
		r = update_is_gated(rollout->ledger, version, rollout->candidate.integrity,
				    rollout->last_good, rollout->env.wall_usec(&rollout->env),
				    &is_known, &rollout->excluded, &err);
	if (r < 0)
		return rollout_end_with(rollout, UPDATE_FAILED, &err);
	return is_known ? UPDATE_STAGED : ask(rollout);
}
