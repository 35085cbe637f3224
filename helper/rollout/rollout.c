/* rollout.c - see rollout.h. */
#include "rollout/rollout.h"

#include "base/clock.h"
#include "config/config_good.h"
#include "ledger/update_notes.h"
#include "steps/lock.h"
#include "update/freeze.h"

#define LEDGER_BUSY_MS 10000

int rollout_set_up(struct rollout *rollout, struct dv_error *err)
{
	struct dv_error why; /* the reconcile tells it */
	int r = env_init(&rollout->env, "/", err);

	if (r == 0)
		r = rollout->recovers
			    ? config_load_or_good(&rollout->config, &rollout->env, &why, err)
			    : config_load(&rollout->config, &rollout->env, err);
	if (r == 0)
		r = ledger_open(&rollout->ledger, &rollout->env, LEDGER_WRITE, LEDGER_BUSY_MS, err);
	if (r == 0)
		r = manager_open(&rollout->manager, err);
	/* What an earlier run left under this name is not the answer of this one. */
	if (r == 0 && rollout->instance)
		r = update_put_result(rollout->ledger, rollout->instance, NULL, NULL, err);
	return r;
}

void rollout_done(struct rollout *rollout)
{
	str_list_done(&rollout->excluded);
	manager_close(rollout->manager);
	ledger_close(rollout->ledger);
	config_done(&rollout->config);
	env_done(&rollout->env);
}

int rollout_lock(struct rollout *rollout, struct dv_error *err)
{
	return lock_take(&rollout->env, LOCK_UPDATE, clock_now_ms(), err);
}

int rollout_enter(struct rollout *rollout, enum update_state state, const char *text,
		  struct dv_error *err)
{
	rollout->state = state;
	if (rollout->id == 0)
		return 0;
	return update_log_enter(rollout->ledger, rollout->id, rollout->env.wall_usec(&rollout->env),
				state, NULL, text, err);
}

enum update_outcome rollout_end_with(struct rollout *rollout, enum update_outcome outcome,
				     const struct dv_error *why)
{
	(void)snprintf(rollout->text, sizeof(rollout->text), "%s", why->text);
	return outcome;
}

enum update_outcome rollout_end_unlocked(struct rollout *rollout, int r, const char *busy,
					 const struct dv_error *why)
{
	if (r != -ETIMEDOUT)
		return rollout_end_with(rollout, UPDATE_FAILED, why);
	(void)snprintf(rollout->text, sizeof(rollout->text), "%s", busy);
	return UPDATE_BUSY;
}

bool rollout_is_frozen(struct rollout *rollout)
{
	char text[FREEZE_TEXT_BYTES];
	struct freeze freeze;

	freeze_look(&rollout->env, &freeze);
	if (!freeze.is_frozen)
		return false;
	freeze_text(&freeze, text);
	(void)snprintf(rollout->text, sizeof(rollout->text),
		       "versions are frozen by /%s: %s; devvmctl unfreeze lifts it", freeze.path,
		       text);
	return true;
}
