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
	return stage_find_item(ROLLOUT_ITEM);
}

static enum rules_why why_of(const struct rollout *rollout)
{
	return *rollout->order.to ? RULES_TO : rollout->config.t3_pin ? RULES_PIN : RULES_TRACK;
}

static const char *want_of(const struct rollout *rollout)
{
	return *rollout->order.to ? rollout->order.to : item()->tag(&rollout->config);
}

static enum update_outcome resolve(struct rollout *rollout, struct candidate *ret_candidate)
{
	struct dv_error err = { "" };
	int r = resolving_run(&rollout->env, item(), want_of(rollout), ret_candidate, &err);
	enum update_outcome outcome;

	if (r == 0)
		return UPDATE_PLANNED;
	outcome = update_outcome_of_npm(err.text);
	/* Nothing has been staged yet: what npm calls its own trouble is one with the registry. */
	return rollout_end_with(rollout,
				outcome == UPDATE_NOT_STAGED ? UPDATE_NO_REGISTRY : outcome, &err);
}

static enum update_outcome guard(struct rollout *rollout)
{
	enum update_outcome outcome = UPDATE_UNSET;
	struct dv_error err = { "" };
	int r = 0;

	if (rollout->id > 0)
		r = update_log_target(rollout->ledger, rollout->id, rollout->candidate.version,
				      rollout->candidate.integrity, &err);
	if (r == 0)
		r = rollout_enter(rollout, UPDATE_STATE_GUARD, rollout->candidate.version, &err);
	if (r == 0)
		r = rollout_judge(rollout, why_of(rollout), &outcome, &err);
	return r < 0 ? rollout_end_with(rollout, UPDATE_FAILED, &err) : outcome;
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

static enum update_outcome stage(struct rollout *rollout)
{
	const struct candidate *candidate = &rollout->candidate;
	enum staging_fault fault = STAGING_FAULT_NONE;
	struct dv_error err = { "" };
	int r = rollout_enter(rollout, UPDATE_STATE_STAGE, candidate->version, &err);

	if (r < 0)
		return rollout_end_with(rollout, UPDATE_FAILED, &err);
	r = staging_run_exact(&rollout->env, &rollout->config, item(), candidate->version,
			      candidate->integrity, &fault, &err);
	return r < 0 ? rollout_end_with(rollout, outcome_of_fault(fault, r, &err), &err)
		     : UPDATE_STAGED;
}

/* What the tag names now that the version is here. UPDATE_MOVED: another one. */
static enum update_outcome settle(struct rollout *rollout)
{
	struct candidate now = { 0 };
	struct dv_error err = { "" };
	enum update_outcome outcome = resolve(rollout, &now);
	int r;

	if (outcome != UPDATE_PLANNED)
		return outcome;
	if (strcmp(now.version, rollout->candidate.version) == 0 &&
	    strcmp(now.integrity, rollout->candidate.integrity) != 0) {
		(void)snprintf(rollout->text, sizeof(rollout->text),
			       "the registry named two hashes for t3 %s during one run",
			       now.version);
		return UPDATE_INTEGRITY;
	}
	if (strcmp(now.version, rollout->candidate.version) != 0) {
		(void)snprintf(rollout->text, sizeof(rollout->text),
			       "the tag %s moved from t3 %s to %s during the run", want_of(rollout),
			       rollout->candidate.version, now.version);
		return UPDATE_MOVED;
	}
	(void)snprintf(rollout->text, sizeof(rollout->text), "t3 %s is staged; nobody has it yet",
		       now.version);
	r = rollout_enter(rollout, UPDATE_STATE_STAGED, now.version, &err);
	return r < 0 ? rollout_end_with(rollout, UPDATE_FAILED, &err) : UPDATE_STAGED;
}

/* From the question to a version that is staged, or to what speaks against it. */
static enum update_outcome run_round(struct rollout *rollout)
{
	enum update_outcome outcome = resolve(rollout, &rollout->candidate);

	if (outcome == UPDATE_PLANNED)
		outcome = guard(rollout);
	if (outcome != UPDATE_PLANNED)
		return outcome;
	if (rollout_is_frozen(rollout))
		return UPDATE_FROZEN;
	rollout->is_only_for_dry_run =
		rollout->order.dry_run &&
		!store_has(&rollout->env, ROLLOUT_ITEM, rollout->candidate.version);
	outcome = stage(rollout);
	if (outcome != UPDATE_STAGED)
		return outcome;
	return rollout_is_frozen(rollout) ? UPDATE_FROZEN : settle(rollout);
}

void rollout_take_away(struct rollout *rollout)
{
	DV_AUTO_CLOSE int lock_fd = -1;
	struct dv_error err = { "" };
	int r;

	if (!rollout->is_only_for_dry_run)
		return;
	rollout->is_only_for_dry_run = false;
	lock_fd = staging_lock(&rollout->env, ROLLOUT_ITEM, &err);
	r = lock_fd < 0
		    ? lock_fd
		    : store_remove(&rollout->env, ROLLOUT_ITEM, rollout->candidate.version, &err);
	if (r < 0 && r != -ENOENT)
		log_warning("update: the version of a dry run stays: %s", err.text);
}

enum update_outcome rollout_stage(struct rollout *rollout)
{
	enum update_outcome outcome = UPDATE_MOVED;
	struct dv_error err = { "" };

	for (int i = 0; outcome == UPDATE_MOVED && i < MAX_ROUNDS; i++) {
		if (i > 0 && rollout_enter(rollout, UPDATE_STATE_RESOLVE, rollout->text, &err) < 0)
			return rollout_end_with(rollout, UPDATE_FAILED, &err);
		rollout_take_away(rollout);
		outcome = run_round(rollout);
	}
	return outcome;
}
