/* bad.h - the versions that are bad for good, in the ledger and in a file beside it. */
#ifndef DEVVM_ROLLOUT_BAD_H
#define DEVVM_ROLLOUT_BAD_H

#include "rollout/rollout.h"

/* The version is bad for good, as run `id` has found. Where the file beside the ledger cannot be written that is told,
 * and the end of a run writes it again. */
DV_MUST_CHECK int rollout_condemn(struct rollout *rollout, const char *version, int64_t id,
				  const char *why, struct dv_error *err);

/* The bad versions beside the ledger: taken in where the ledger is new, and written down. */
#define ROLLOUT_BAD_FILE LEDGER_FOLDER "/known-bad.kept"
DV_MUST_CHECK int rollout_import_bad(struct rollout *rollout, struct dv_error *err);
DV_MUST_CHECK int rollout_keep_bad(struct rollout *rollout, struct dv_error *err);

#endif
