/* prune.c - the versions that nobody needs any more. See prune.h. */
#include "rollout/prune.h"

#include <string.h>

#include "base/log.h"
#include "ledger/moves.h"
#include "ledger/restores.h"
#include "ledger/update_notes.h"
#include "steps/staging.h"
#include "store/store.h"
#include "update/spare.h"

static int add_pointer(const struct env *env, const char *user, struct str_list *needed,
		       struct dv_error *err)
{
	char version[STORE_VERSION_BYTES];
	int r = store_get_pointer(env, ROLLOUT_ITEM, user, version, err);

	if (r == 0 && *version && str_list_add(needed, version) < 0)
		r = dv_fail(err, -ENOMEM, "list the versions that are needed");
	return r;
}

static int add_open_run(struct ledger *ledger, struct str_list *needed, struct dv_error *err)
{
	DV_AUTO_UPDATE_RUN struct update_run run = { 0 };
	int r = update_log_last(ledger, &run, err);

	if (r < 0 || run.id == 0)
		return r;
	if (str_list_add(needed, run.from) < 0 || str_list_add(needed, run.to) < 0)
		return dv_fail(err, -ENOMEM, "list the versions that are needed");
	return 0;
}

/* What somebody gets when what was begun with them is brought to its end, whether they have a pointer or not. */
static int add_unfinished(struct ledger *ledger, struct str_list *needed, struct dv_error *err)
{
	DV_AUTO_RESTORES struct restores restores = { 0 };
	DV_AUTO_MOVES struct moves moves = { 0 };
	int added = 0, r = restores_list(ledger, &restores, err);

	if (r == 0)
		r = moves_list(ledger, MOVES_ALL_RUNS, &moves, err);
	for (size_t i = 0; r == 0 && added == 0 && i < restores.n_rows; i++) {
		if (*restores.rows[i].version)
			added = str_list_add(needed, restores.rows[i].version);
	}
	for (size_t i = 0; r == 0 && added == 0 && i < moves.n_rows; i++) {
		if (moves_is_between(moves.rows[i].state))
			added = str_list_add(needed, moves.rows[i].from);
	}
	return added < 0 ? dv_fail(err, -ENOMEM, "list the versions that are needed") : r;
}

/* Whatever cannot be read ends the pruning: a version that may be somebody's stays. */
static int list_needed(struct rollout *rollout, struct str_list *needed, struct dv_error *err)
{
	DV_AUTO_STR_LIST struct str_list users = { 0 };
	DV_AUTO_FREE char *last_good = NULL;
	int r = add_pointer(&rollout->env, NULL, needed, err);

	if (r == 0)
		r = store_list_people(&rollout->env, ROLLOUT_ITEM, &users, err);
	for (size_t i = 0; r == 0 && i < users.n_items; i++)
		r = add_pointer(&rollout->env, users.items[i], needed, err);
	if (r == 0)
		r = add_unfinished(rollout->ledger, needed, err);
	if (r == 0)
		r = update_get_last_good(rollout->ledger, &last_good, err);
	if (r == 0 && str_list_add(needed, last_good) < 0)
		r = dv_fail(err, -ENOMEM, "list the versions that are needed");
	return r < 0 ? r : add_open_run(rollout->ledger, needed, err);
}

int rollout_prune(struct rollout *rollout, struct dv_error *err)
{
	DV_AUTO_CLOSE int lock_fd = staging_lock(&rollout->env, ROLLOUT_ITEM, err);
	DV_AUTO_STR_LIST struct str_list versions = { 0 };
	DV_AUTO_STR_LIST struct str_list needed = { 0 };
	DV_AUTO_STR_LIST struct str_list spare = { 0 };
	int r;

	if (lock_fd < 0)
		return lock_fd;
	r = store_list(&rollout->env, ROLLOUT_ITEM, &versions, err);
	if (r == 0)
		r = list_needed(rollout, &needed, err);
	if (r == 0 &&
	    spare_list(&versions, &needed, rollout->config.update_keep_versions, &spare) < 0)
		r = dv_fail(err, -ENOMEM, "list the versions that are spare");
	for (size_t i = 0; r == 0 && i < spare.n_items; i++) {
		r = store_remove(&rollout->env, ROLLOUT_ITEM, spare.items[i], err);
		if (r == 0)
			log_notice("update: t3 %s is removed, nobody needs it", spare.items[i]);
	}
	return r;
}
