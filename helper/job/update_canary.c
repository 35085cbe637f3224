/* update_canary.c - people get the candidate, one at a time. See update.h.
 *
 * Until it is somebody's turn all of theirs runs what it ran before. Who is at work is passed over and drained
 * later; who cannot go along for a reason of their own keeps what they have, and the run goes on; the first with
 * whom the version itself does not do ends it, and everybody goes back. In a drain, where the version has proved
 * itself with others, that one person alone goes back.
 */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "job/update.h"
#include "job/update_people.h"
#include "ledger/events.h"
#include "ledger/update_notes.h"
#include "move/move.h"
#include "steps/staging.h"

#define NAMES_BYTES 120

struct canary {
	struct update *update;
	struct mover mover;
	const char *version;
	bool is_drain;
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
	struct update *update = canary->update;

	log_write(priority, &(struct log_fields){ .user = name, .step = "update" }, "update: %s",
		  text);
	return events_add(update->ledger, update->env.wall_usec(&update->env), priority, name,
			  "update", text, err);
}

static int defer(struct canary *canary, const char *name, const char *why, struct dv_error *err)
{
	struct update *update = canary->update;
	int r;

	canary->n_deferred++;
	add_name(canary->deferred, name);
	r = deferrals_put(update->ledger, name, canary->version,
			  update->env.wall_usec(&update->env), why, err);
	return r < 0 ? r : update_note_overdue(update, name, err);
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
	return r < 0 ? r : deferrals_end(canary->update->ledger, name, err);
}

static int welcome(struct canary *canary, const struct move_row *row, struct dv_error *err)
{
	char text[ERROR_MAX_BYTES];
	int r;

	canary->n_moved++;
	(void)snprintf(text, sizeof(text), "%s has t3 %s now, after %s", row->name, row->to,
		       row->from);
	r = note_event(canary, LOG_NOTICE, row->name, text, err);
	return r < 0 ? r : deferrals_end(canary->update->ledger, row->name, err);
}

/* What speaks against it before anything is done. */
static int pass_over(struct canary *canary, const struct people_row *person,
		     const struct deferral *deferral, bool *ret_is, struct dv_error *err)
{
	struct update *update = canary->update;
	char text[DEFERRALS_WHY_BYTES], until[32];

	*ret_is = true;
	if (str_list_has(&update->excluded, person->name))
		return exclude(canary, person->name,
			       "the gate found that their database does not go", err);
	/* Whoever asks for it now does not wait for what they asked for before. */
	if (deferral && !update->only &&
	    deferral->not_before_usec > update->env.wall_usec(&update->env)) {
		clock_format(deferral->not_before_usec, until);
		(void)snprintf(text, sizeof(text), "they asked to wait until %s", until);
		return defer(canary, person->name, text, err);
	}
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
	case MOVE_STUCK: /* nobody can tell what the old one does; with the others it is not gone on */
	case MOVE_FAILED:
		if (!canary->is_drain) {
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
				    struct dv_error *err)
{
	enum update_outcome outcome = UPDATE_PLANNED;

	for (size_t i = 0; outcome == UPDATE_PLANNED && i < candidates->n_rows; i++) {
		const struct people_row *person = candidates->rows[i];
		const struct deferral *deferral =
			deferrals_find(&candidates->deferrals, person->name);
		bool is_passed = false;

		if (canary->is_drain && !canary->update->only &&
		    (!deferral || strcmp(deferral->version, canary->version) != 0))
			continue;
		if (canary->update->only && strcmp(person->name, canary->update->only) != 0)
			continue;
		if (update_is_frozen(canary->update))
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
	struct update *update = canary->update;
	size_t n =
		(size_t)snprintf(update->text, sizeof(update->text), "t3 %s%s: %u moved",
				 canary->version, is_new ? " is current now" : "", canary->n_moved);

	if (canary->n_deferred > 0)
		n += (size_t)snprintf(update->text + n, sizeof(update->text) - n,
				      ", %u at work and moved later (%s)", canary->n_deferred,
				      canary->deferred);
	if (canary->n_excluded > 0 && n < sizeof(update->text))
		(void)snprintf(update->text + n, sizeof(update->text) - n,
			       ", %u keep what they have (%s): devvmctl events says why",
			       canary->n_excluded, canary->excluded);
}

int update_finish(struct update *update, const char *version, struct dv_error *err)
{
	DV_AUTO_CLOSE int lock_fd = staging_lock(&update->env, UPDATE_ITEM, err);
	int r = lock_fd < 0 ? lock_fd : 0;

	if (r == 0)
		r = store_set_pointer(&update->env, UPDATE_ITEM, NULL, version, err);
	return r < 0 ? r : update_set_last_good(update->ledger, version, err);
}

/* Nobody has it: then nobody new gets it either, unless there is nobody. */
static enum update_outcome end(struct canary *canary, bool is_new)
{
	struct update *update = canary->update;
	struct dv_error err = { "" };
	int r;

	if (canary->n_moved == 0 && canary->n_deferred + canary->n_excluded > 0 &&
	    (is_new || canary->is_drain)) {
		describe(canary, false);
		return canary->n_deferred > 0 || canary->is_drain ? UPDATE_DEFERRED
								  : UPDATE_INCONCLUSIVE;
	}
	if (canary->is_drain) {
		describe(canary, false);
		return UPDATE_DONE;
	}
	r = update_enter(update, UPDATE_STATE_DONE, canary->version, &err);
	if (r == 0)
		r = update_finish(update, canary->version, &err);
	if (r < 0)
		return update_end_with(update, UPDATE_FAILED, &err);
	describe(canary, is_new);
	return is_new || canary->n_moved > 0 ? UPDATE_DONE : UPDATE_CURRENT;
}

static enum update_outcome run(struct update *update, const char *version, bool is_drain)
{
	struct canary canary = { .update = update,
				 .version = version,
				 .is_drain = is_drain,
				 .mover = { .env = &update->env,
					    .config = &update->config,
					    .ledger = update->ledger,
					    .manager = update->manager,
					    .run = update->id } };
	DV_AUTO_CANDIDATES struct candidates candidates = { 0 };
	char current[STORE_VERSION_BYTES] = "";
	enum update_outcome outcome = UPDATE_FAILED;
	struct dv_error err = { "" };
	int r = update_enter(update, UPDATE_STATE_CANARY, version, &err);

	if (r == 0)
		r = store_get_pointer(&update->env, UPDATE_ITEM, NULL, current, &err);
	if (r == 0)
		r = update_list_people(update, version, &candidates, &err);
	if (r == 0)
		outcome = take_all(&canary, &candidates, &err);
	if (outcome == UPDATE_PLANNED)
		return end(&canary, strcmp(current, version) != 0);
	if (outcome == UPDATE_BAD) {
		char why[ERROR_MAX_BYTES];

		(void)snprintf(why, sizeof(why), "%s", err.text);
		r = update_enter(update, UPDATE_STATE_ROLLBACK, why, &err);
		return r < 0 ? update_end_with(update, UPDATE_FAILED, &err)
			     : update_roll_back(update, update->id, version, why);
	}
	/* Frozen meanwhile: who has it keeps it. */
	return outcome == UPDATE_FROZEN ? outcome : update_end_with(update, UPDATE_FAILED, &err);
}

enum update_outcome update_canary(struct update *update)
{
	return run(update, update->candidate.version, false);
}

enum update_outcome update_drain(struct update *update)
{
	char current[STORE_VERSION_BYTES] = "";
	struct dv_error err = { "" };

	if (store_get_pointer(&update->env, UPDATE_ITEM, NULL, current, &err) < 0)
		return update_end_with(update, UPDATE_FAILED, &err);
	return run(update, current, true);
}
