/* origin.h - which t3 a copy of somebody's database belongs to, and whether a restore of it goes back to that one.
 *
 * An older t3 on a newer database starts, and lets nobody in; a newer one migrates an older database at its start. So a
 * copy alone leads nowhere: what was is the copy with the version that the person had when it was made.
 */
#ifndef DEVVM_LEDGER_ORIGIN_H
#define DEVVM_LEDGER_ORIGIN_H

#include <stdbool.h>

#include "ledger/backups.h"

#define ORIGIN_NO_LEVEL INT64_MIN /* no database has it */

struct origin {
	char version[BACKUPS_VERSION_BYTES]; /* of t3, that the person had; "": it is not known */
	int64_t level;			     /* of migration, of the copy; -1: it has none */
	bool is_bad;			     /* `version` is known to be */

	/* Of the version that they have now. */
	char own[BACKUPS_VERSION_BYTES];
	int64_t own_level; /* that it makes of a database, as a gate has seen; ORIGIN_NO_LEVEL */
	bool own_is_bad;
};

/* Of the copy `id` of `name`, who has `own`. For one from before versions were noted it is the version that they came
 * from where their move made it. A copy that is not there has no version. */
DV_MUST_CHECK int origin_find(struct ledger *ledger, const char *name, const char *id,
			      const char *own, struct origin *ret_origin, struct dv_error *err);

/* Whether the level of the database that they have now decides; else nobody needs to look. */
bool origin_asks_level(const struct origin *origin);

/* Whether they get `version` with the copy. `present_level`: of the database that they have now; ORIGIN_NO_LEVEL where
 * nobody could look. */
bool origin_leads_back(const struct origin *origin, int64_t present_level);

#endif
