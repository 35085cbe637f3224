/* restore.h - the part of devvm-job restore that devvm-job recover goes on with. */
#ifndef DEVVM_JOB_RESTORE_H
#define DEVVM_JOB_RESTORE_H

#include <stdbool.h>

#include "base/error.h"

/* Finish the restores that a kill has left open; one that cannot be finished is told and keeps its hold. Negative
 * where the ledger cannot be read. */
DV_MUST_CHECK int restore_recover(bool *ret_is_whole, struct dv_error *err);

#endif
