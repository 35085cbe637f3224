/* people.h - who is to be moved to a version, and in which order. */
#ifndef DEVVM_ROLLOUT_PEOPLE_H
#define DEVVM_ROLLOUT_PEOPLE_H

#include "ledger/deferrals.h"
#include "ledger/people.h"
#include "rollout/rollout.h"

/* Whether runs move them: they are here, and not parked. */
bool rollout_is_served(const struct people_row *person);

struct candidates {
	struct people people;
	struct deferrals deferrals;
	struct people_row **rows; /* into `people`, those who run another version, in their order */
	size_t n_rows;
	unsigned int n_have; /* who were moved to it before, by whichever run, and have it still */
};

/* Present, not parked, with a version of their own that is another: first those of update.canary, as they stand
 * there, then by update.order. Looks at each database for that (move/look.h). */
DV_MUST_CHECK int rollout_list_people(struct rollout *rollout, const char *version,
				      struct candidates *ret_candidates, struct dv_error *err);
void candidates_done(struct candidates *candidates);

#define DV_AUTO_CANDIDATES DV_CLEANUP(candidates_done)

#endif
