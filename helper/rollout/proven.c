/* proven.c - see proven.h. */
#include "rollout/proven.h"

#include <string.h>

#include "ledger/update_notes.h"
#include "update/version.h"

static int find_last_good(struct rollout *rollout, const char *current, struct dv_error *err)
{
	DV_AUTO_FREE char *last_good = NULL;
	int r = update_get_last_good(rollout->ledger, &last_good, err);

	if (r == 0)
		(void)snprintf(rollout->last_good, sizeof(rollout->last_good), "%s",
			       *last_good && store_has(&rollout->env, ROLLOUT_ITEM, last_good)
				       ? last_good
				       : current);
	return r;
}

int rollout_find_good(struct rollout *rollout, char ret_current[static STORE_VERSION_BYTES],
		      struct dv_error *err)
{
	int r = store_get_pointer(&rollout->env, ROLLOUT_ITEM, NULL, ret_current, err);

	return r < 0 ? r : find_last_good(rollout, ret_current, err);
}

bool rollout_is_proven(const struct rollout *rollout, const char *current, const char *version)
{
	return strcmp(current, version) == 0 || version_is_before(version, rollout->last_good);
}
