/* stage.c - see stage.h. */
#include "rollout/stage.h"

#include <string.h>

#include "base/log.h"
#include "rollout/facts.h"
#include "steps/resolving.h"
#include "steps/staging.h"

#define MAX_ROUNDS 3 /* of a tag that moves while it is staged */

static const struct stage_item *item(void)
{
	return stage_find_item(UPDATE_ITEM);
}

static enum rules_why why_of(const struct update *update)
{
	return *update->order.to ? RULES_TO : update->config.t3_pin ? RULES_PIN : RULES_TRACK;
}

static const char *want_of(const struct update *update)
{
	return *update->order.to ? update->order.to : item()->tag(&update->config);
}

static enum update_outcome resolve(struct update *update, struct candidate *ret_candidate)
{
	struct dv_error err = { "" };
	int r = resolving_run(&update->env, item(), want_of(update), ret_candidate, &err);
	enum update_outcome outcome;

	if (r == 0)
		return UPDATE_PLANNED;
	outcome = update_outcome_of_npm(err.text);
	/* Nothing has been staged yet: what npm calls its own trouble is one with the registry. */
	return update_end_with(update, outcome == UPDATE_NOT_STAGED ? UPDATE_NO_REGISTRY : outcome,
			       &err);
}

static enum update_outcome guard(struct update *update)
{
	enum update_outcome outcome = UPDATE_UNSET;
	struct dv_error err = { "" };
	int r = 0;

	if (update->id > 0)
		r = update_log_target(update->ledger, update->id, update->candidate.version,
				      update->candidate.integrity, &err);
	if (r == 0)
		r = update_enter(update, UPDATE_STATE_GUARD, update->candidate.version, &err);
	if (r == 0)
		r = update_judge(update, why_of(update), &outcome, &err);
	return r < 0 ? update_end_with(update, UPDATE_FAILED, &err) : outcome;
}

static enum update_outcome outcome_of_fault(enum staging_fault fault, int r,
					    const struct dv_error *err)
{
	if (r == -ENOSPC || r == -EDQUOT)
		return UPDATE_NO_DISK;
	switch (fault) {
	case STAGING_FAULT_NPM:
		return update_outcome_of_npm(err->text);
	case STAGING_FAULT_HASH:
		return UPDATE_INTEGRITY;
	case STAGING_FAULT_PROGRAM:
		return UPDATE_INCOMPLETE;
	case STAGING_FAULT_NONE:
	case STAGING_FAULT_OURS:
		break;
	}
	return UPDATE_FAILED;
}

static enum update_outcome stage(struct update *update)
{
	const struct candidate *candidate = &update->candidate;
	enum staging_fault fault = STAGING_FAULT_NONE;
	struct dv_error err = { "" };
	int r = update_enter(update, UPDATE_STATE_STAGE, candidate->version, &err);

	if (r < 0)
		return update_end_with(update, UPDATE_FAILED, &err);
	r = staging_run_exact(&update->env, &update->config, item(), candidate->version,
			      candidate->integrity, &fault, &err);
	return r < 0 ? update_end_with(update, outcome_of_fault(fault, r, &err), &err)
		     : UPDATE_STAGED;
}

/* What the tag names now that the version is here. UPDATE_MOVED: another one. */
static enum update_outcome settle(struct update *update)
{
	struct candidate now = { 0 };
	struct dv_error err = { "" };
	enum update_outcome outcome = resolve(update, &now);
	int r;

	if (outcome != UPDATE_PLANNED)
		return outcome;
	if (strcmp(now.version, update->candidate.version) == 0 &&
	    strcmp(now.integrity, update->candidate.integrity) != 0) {
		(void)snprintf(update->text, sizeof(update->text),
			       "the registry named two hashes for t3 %s during one run",
			       now.version);
		return UPDATE_INTEGRITY;
	}
	if (strcmp(now.version, update->candidate.version) != 0) {
		(void)snprintf(update->text, sizeof(update->text),
			       "the tag %s moved from t3 %s to %s during the run", want_of(update),
			       update->candidate.version, now.version);
		return UPDATE_MOVED;
	}
	(void)snprintf(update->text, sizeof(update->text), "t3 %s is staged; nobody has it yet",
		       now.version);
	r = update_enter(update, UPDATE_STATE_STAGED, now.version, &err);
	return r < 0 ? update_end_with(update, UPDATE_FAILED, &err) : UPDATE_STAGED;
}

/* From the question to a version that is staged, or to what speaks against it. */
static enum update_outcome run_round(struct update *update)
{
	enum update_outcome outcome = resolve(update, &update->candidate);

	if (outcome == UPDATE_PLANNED)
		outcome = guard(update);
	if (outcome != UPDATE_PLANNED)
		return outcome;
	if (update_is_frozen(update))
		return UPDATE_FROZEN;
	update->is_only_for_dry_run =
		update->order.dry_run &&
		!store_has(&update->env, UPDATE_ITEM, update->candidate.version);
	outcome = stage(update);
	if (outcome != UPDATE_STAGED)
		return outcome;
	return update_is_frozen(update) ? UPDATE_FROZEN : settle(update);
}

void update_take_away(struct update *update)
{
	DV_AUTO_CLOSE int lock_fd = -1;
	struct dv_error err = { "" };
	int r;

	if (!update->is_only_for_dry_run)
		return;
	update->is_only_for_dry_run = false;
	lock_fd = staging_lock(&update->env, UPDATE_ITEM, &err);
	r = lock_fd < 0 ? lock_fd
			: store_remove(&update->env, UPDATE_ITEM, update->candidate.version, &err);
	if (r < 0 && r != -ENOENT)
		log_warning("update: the version of a dry run stays: %s", err.text);
}

enum update_outcome update_stage(struct update *update)
{
	enum update_outcome outcome = UPDATE_MOVED;
	struct dv_error err = { "" };

	for (int i = 0; outcome == UPDATE_MOVED && i < MAX_ROUNDS; i++) {
		if (i > 0 && update_enter(update, UPDATE_STATE_RESOLVE, update->text, &err) < 0)
			return update_end_with(update, UPDATE_FAILED, &err);
		update_take_away(update);
		outcome = run_round(update);
	}
	return outcome;
}
