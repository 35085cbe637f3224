/* leftovers.h - what root keeps of somebody under their name, and whoever has the name later is not to get.
 *
 * Their env files (an own token may stand there), the version that their name points to, and the copies of their
 * t3's state. The copies are kept: they are theirs for good, under NAME@UID. Their home and account are the archive's
 * business (offboard.h), and what the ledger says people_forget_work()'s.
 */
#ifndef DEVVM_JOB_LEFTOVERS_H
#define DEVVM_JOB_LEFTOVERS_H

#include <stdint.h>

#include "base/env.h"

/* May be done again at any time; what is not there is none of its business. Negative with the sentence. */
DV_MUST_CHECK int leftovers_remove(const struct env *env, const char *name, int64_t uid,
				   struct dv_error *err);

#endif
