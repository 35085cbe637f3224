/* sync_row.h - a person of the roster as a row of the ledger, and whether that row says so already.
 *
 * Pure. Both look at the same fields: a field that is written and not compared would never reach who is there.
 */
#ifndef DEVVM_JOB_SYNC_ROW_H
#define DEVVM_JOB_SYNC_ROW_H

#include "ledger/people.h"
#include "roster/derive.h"

/* What the roster wants (the first group of fields). Release with people_row_done(), after -ENOMEM, too. */
DV_MUST_CHECK int sync_row_make(const struct derived_person *derived, struct people_row *ret_row);

/* `before` is somebody present, of whom nothing else is wanted. */
bool sync_row_wants_the_same(const struct people_row *before, const struct people_row *wanted);

#endif
