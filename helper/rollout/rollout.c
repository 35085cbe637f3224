/* rollout.c - see rollout.h. */
#include "rollout/rollout.h"

#include "base/clock.h"
#include "ledger/update_notes.h"
#include "steps/lock.h"
#include "update/freeze.h"

#define LEDGER_BUSY_MS 10000
#define LOCK_RUN "@update"

int update_set_up(struct update *update, struct dv_error *err)
{
	int r = env_init(&update->env, "/", err);

	if (r == 0)
		r = config_load(&update->config, &update->env, err);
	if (r == 0)
		r = ledger_open(&update->ledger, &update->env, LEDGER_WRITE, LEDGER_BUSY_MS, err);
	if (r == 0)
		r = manager_open(&update->manager, err);
	/* What an earlier run left under this name is not the answer of this one. */
	if (r == 0 && update->instance)
		r = update_put_result(update->ledger, update->instance, NULL, NULL, err);
	return r;
}

void update_done(struct update *update)
{
	str_list_done(&update->excluded);
	manager_close(update->manager);
	ledger_close(update->ledger);
	config_done(&update->config);
	env_done(&update->env);
}

int update_lock(struct update *update, struct dv_error *err)
{
	return lock_take(&update->env, LOCK_RUN, clock_now_ms(), err);
}

int update_enter(struct update *update, enum update_state state, const char *text,
		 struct dv_error *err)
{
	if (update->id == 0)
		return 0;
	return update_log_enter(update->ledger, update->id, update->env.wall_usec(&update->env),
				state, NULL, text, err);
}

enum update_outcome update_end_with(struct update *update, enum update_outcome outcome,
				    const struct dv_error *why)
{
	(void)snprintf(update->text, sizeof(update->text), "%s", why->text);
	return outcome;
}

bool update_is_frozen(struct update *update)
{
	char text[FREEZE_TEXT_BYTES];
	struct freeze freeze;

	freeze_look(&update->env, &freeze);
	if (!freeze.is_frozen)
		return false;
	freeze_text(&freeze, text);
	(void)snprintf(update->text, sizeof(update->text),
		       "versions are frozen by /%s: %s; devvmctl unfreeze lifts it", freeze.path,
		       text);
	return true;
}
