/* canary.c - people get the candidate, one at a time. See canary.h.
 *
 * Until it is somebody's turn all of theirs runs what it ran before. Who is at work is passed over and drained
 * later; who cannot go along for a reason of their own keeps what they have, and the run goes on; the first with
 * whom the version itself does not do ends it, and everybody goes back. Where the version has proved itself with others
 * before (it is current already, or it is an older one that somebody asked for), that one person alone goes back.
 */
#include "rollout/canary.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "ledger/events.h"
#include "ledger/update_notes.h"
#include "move/move.h"
#include "rollout/back.h"
#include "rollout/proven.h"
#include "rollout/waiting.h"
#include "rollout/people.h"
#include "steps/staging.h"

#define NAMES_BYTES 120
#define ALL_MS                                                                                     \
	(8 * 3600 * INT64_C(1000)) /* the unit has 12 hours; a move that has begun is not cut off */

struct canary {
	struct rollout *rollout;
	struct mover mover;
	const char *version;
	bool is_proven; /* what fails with somebody is theirs, not the version's */
	int64_t deadline_ms;
	unsigned int n_moved, n_deferred, n_excluded;
	char deferred[NAMES_BYTES], excluded[NAMES_BYTES]; /* as many names as fit */
};

static void add_name(char names[static NAMES_BYTES], const char *name)
{
	size_t n = strlen(names);

	(void)snprintf(names + n, NAMES_BYTES - n, "%s%s", n > 0 ? ", " : "", name);
}

/* ---- one person ----------------------------------------------------------------------- */

static int note_event(struct canary *canary, int priority, const char *name, const char *text,
		      struct dv_error *err)
{
	struct rollout *rollout = canary->rollout;

	log_write(priority, &(struct log_fields){ .user = name, .step = "update" }, "update: %s",
		  text);
	return events_add(rollout->ledger, rollout->env.wall_usec(&rollout->env), priority, name,
			  "update", text, err);
}

static int defer(struct canary *canary, const char *name, const char *why, struct dv_error *err)
{
	canary->n_deferred++;
	add_name(canary->deferred, name);
	return rollout_put_off(canary->rollout, name, canary->version, why, err);
}

static int wait_no_more(struct canary *canary, const char *name, struct dv_error *err)
{
	struct rollout *rollout = canary->rollout;

	return deferrals_end(rollout->ledger, name, rollout->env.wall_usec(&rollout->env), err);
}

static int exclude(struct canary *canary, const char *name, const char *why, struct dv_error *err)
{
	char text[ERROR_MAX_BYTES];
	int r;

	canary->n_excluded++;
	add_name(canary->excluded, name);
	(void)snprintf(text, sizeof(text), "%s keeps the t3 they have, not %s: %.300s", name,
		       canary->version, why);
	r = note_event(canary, LOG_WARNING, name, text, err);
	return r < 0 ? r : wait_no_more(canary, name, err);
}

static int welcome(struct canary *canary, const struct move_row *row, struct dv_error *err)
{
	char text[ERROR_MAX_BYTES];
	int r;

	canary->n_moved++;
	(void)snprintf(text, sizeof(text), "%s has t3 %s now, after %s", row->name, row->to,
		       row->from);
	r = note_event(canary, LOG_NOTICE, row->name, text, err);
	return r < 0 ? r : wait_no_more(canary, row->name, err);
}

/* What speaks against it before anything is done. */
static int pass_over(struct canary *canary, const struct people_row *person,
		     const struct deferral *deferral, bool *ret_is, struct dv_error *err)
{
	struct rollout *rollout = canary->rollout;
	char why[DEFERRALS_WHY_BYTES];

	*ret_is = true;
	if (rollout_is_to_wait(rollout, deferral, why))
		return defer(canary, person->name, why, err);
	if (str_list_has(&rollout->excluded, person->name))
		return exclude(canary, person->name,
			       "the gate found that their database does not go", err);
	if (clock_left_ms(canary->deadline_ms) <= 0)
		return defer(canary, person->name, "the run had no time left for them", err);
	*ret_is = false;
	return 0;
}

/* UPDATE_PLANNED: go on with the next. */
static enum update_outcome take_one(struct canary *canary, const struct people_row *person,
				    struct dv_error *err)
{
	enum move_outcome outcome = MOVE_UNSET;
	struct move_row row;
	int r = move_person(&canary->mover, person, canary->version, &outcome, &row, err);

	if (r < 0)
		return UPDATE_FAILED;
	switch (outcome) {
	case MOVE_MOVED:
		r = welcome(canary, &row, err);
		break;
	case MOVE_DEFERRED:
		r = defer(canary, row.name, row.reason, err);
		break;
	case MOVE_EXCLUDED:
		r = exclude(canary, row.name, row.reason, err);
		break;
	case MOVE_HALTED:
		return UPDATE_FAILED;
	case MOVE_STUCK: /* nobody can tell what the old one does; with the others it is not gone on */
	case MOVE_FAILED:
		if (!canary->is_proven) {
			(void)snprintf(err->text, sizeof(err->text), "with %s: %.300s", row.name,
				       row.reason);
			return UPDATE_BAD;
		}
		if (outcome == MOVE_STUCK)
			return UPDATE_FAILED;
		r = exclude(canary, row.name, row.reason, err);
		break;
	case MOVE_UNSET:
		break;
	}
	return r < 0 ? UPDATE_FAILED : UPDATE_PLANNED;
}

static enum update_outcome take_all(struct canary *canary, const struct candidates *candidates,
				    const struct str_list *names, struct dv_error *err)
{
	enum update_outcome outcome = UPDATE_PLANNED;

	for (size_t i = 0; outcome == UPDATE_PLANNED && i < candidates->n_rows; i++) {
		const struct people_row *person = candidates->rows[i];
		const struct deferral *deferral =
			deferrals_find(&candidates->deferrals, person->name);
		bool is_passed = false;

		if (names && !str_list_has(names, person->name))
			continue;
		if (rollout_is_frozen(canary->rollout))
			return UPDATE_FROZEN;
		if (pass_over(canary, person, deferral, &is_passed, err) < 0)
			return UPDATE_FAILED;
		if (!is_passed)
			outcome = take_one(canary, person, err);
	}
	return outcome;
}

/* ---- all of them ---------------------------------------------------------------------- */

static void describe(const struct canary *canary, bool is_new)
{
	struct rollout *rollout = canary->rollout;
	size_t n =
		(size_t)snprintf(rollout->text, sizeof(rollout->text), "t3 %s%s: %u moved",
				 canary->version, is_new ? " is current now" : "", canary->n_moved);

	if (canary->n_deferred > 0)
		n += (size_t)snprintf(rollout->text + n, sizeof(rollout->text) - n,
				      ", %u to be moved later (%s)", canary->n_deferred,
				      canary->deferred);
	if (canary->n_excluded > 0 && n < sizeof(rollout->text))
		(void)snprintf(rollout->text + n, sizeof(rollout->text) - n,
			       ", %u keep what they have (%s): devvmctl events says why",
			       canary->n_excluded, canary->excluded);
}

int rollout_finish(struct rollout *rollout, const char *version, struct dv_error *err)
{
	DV_AUTO_CLOSE int lock_fd = staging_lock(&rollout->env, ROLLOUT_ITEM, err);
	int r = lock_fd < 0 ? lock_fd : 0;

	if (r == 0)
		r = store_set_pointer(&rollout->env, ROLLOUT_ITEM, NULL, version, err);
	return r < 0 ? r : update_set_last_good(rollout->ledger, version, err);
}

/* Nobody has it: then nobody new gets it either, unless there is nobody. */
static enum update_outcome end(struct canary *canary, const struct candidates *candidates,
			       bool is_new, bool is_drain)
{
	struct rollout *rollout = canary->rollout;
	bool has_nobody = candidates->n_have + canary->n_moved == 0;
	struct dv_error err = { "" };
	int r;

	if (is_new && has_nobody && canary->n_deferred + canary->n_excluded > 0) {
		describe(canary, false);
		return canary->n_deferred > 0 || is_drain ? UPDATE_DEFERRED : UPDATE_INCONCLUSIVE;
	}
	if (!is_new && is_drain) {
		describe(canary, false);
		return canary->n_moved > 0 || canary->n_deferred + canary->n_excluded == 0
			       ? UPDATE_DONE
			       : UPDATE_DEFERRED;
	}
	r = rollout_enter(rollout, UPDATE_STATE_DONE, canary->version, &err);
	if (r == 0)
		r = rollout_finish(rollout, canary->version, &err);
	if (r < 0)
		return rollout_end_with(rollout, UPDATE_FAILED, &err);
	describe(canary, is_new);
	return is_new || canary->n_moved > 0 ? UPDATE_DONE : UPDATE_CURRENT;
}

/* `names` NULL: everybody. */
static enum update_outcome run(struct rollout *rollout, const char *version,
			       const struct str_list *names)
{
	struct canary canary = { .rollout = rollout,
				 .version = version,
				 .deadline_ms = clock_deadline_ms(ALL_MS),
				 .mover = { .env = &rollout->env,
					    .config = &rollout->config,
					    .ledger = rollout->ledger,
					    .manager = rollout->manager,
					    .run = rollout->id } };
	DV_AUTO_CANDIDATES struct candidates candidates = { 0 };
	char current[STORE_VERSION_BYTES] = "";
	enum update_outcome outcome = UPDATE_FAILED;
	struct dv_error err = { "" };
	int r = rollout_enter(rollout, UPDATE_STATE_CANARY, version, &err);

	if (r == 0)
		r = store_get_pointer(&rollout->env, ROLLOUT_ITEM, NULL, current, &err);
	if (r == 0)
		r = rollout_list_people(rollout, version, &candidates, &err);
	canary.is_proven = rollout_is_proven(rollout, current, version);
	if (r == 0)
		outcome = take_all(&canary, &candidates, names, &err);
	if (outcome == UPDATE_PLANNED)
		return end(&canary, &candidates, strcmp(current, version) != 0, names != NULL);
	if (outcome == UPDATE_BAD) {
		char why[ERROR_MAX_BYTES];

		(void)snprintf(why, sizeof(why), "%s", err.text);
		r = rollout_enter(rollout, UPDATE_STATE_ROLLBACK, why, &err);
		return r < 0 ? rollout_end_with(rollout, UPDATE_FAILED, &err)
			     : rollout_roll_back(rollout, rollout->id, version, why);
	}
	/* Frozen meanwhile: who has it keeps it. */
	return outcome == UPDATE_FROZEN ? outcome : rollout_end_with(rollout, UPDATE_FAILED, &err);
}

enum update_outcome rollout_canary(struct rollout *rollout)
{
	return run(rollout, rollout->candidate.version, NULL);
}

enum update_outcome rollout_canary_of(struct rollout *rollout, const char *version,
				      const struct str_list *names)
{
	return run(rollout, version, names);
}
