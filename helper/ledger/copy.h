/* copy.h - the ledger as it is on disk now, read into a database in memory.
 *
 * Internal to helper/ledger; for LEDGER_SCRATCH. Whoever copies changes no byte on disk: neither makes a
 * write-ahead log nor folds one in, whether others are writing meanwhile or nobody is.
 */
#ifndef DEVVM_LEDGER_COPY_H
#define DEVVM_LEDGER_COPY_H

#include "ledger/ledger.h"

/* Fill `ledger`, open and empty, with the ledger.db in that folder, which is there. Waits up to `busy_ms` for
 * writers. Errors as of ledger_open(). */
DV_MUST_CHECK int copy_fill(struct ledger *ledger, int folder_fd, int busy_ms,
			    struct dv_error *err);

#endif
