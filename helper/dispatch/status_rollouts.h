/* status_rollouts.h - the status page's part about updates of t3: what holds them up, and how each run went.
 *
 * A run under way is open, an ended one is a line that opens. Its timeline stands in the order of the ledger;
 * what did not go as it was meant to stands out.
 */
#ifndef DEVVM_DISPATCH_STATUS_ROLLOUTS_H
#define DEVVM_DISPATCH_STATUS_ROLLOUTS_H

#include <stdint.h>
#include <stdio.h>

#include "wire/status.h"

/* `status` is whole: the machine's row is in it. */
void status_rollouts_print(FILE *out, const struct status *status, int64_t now_usec);

#endif
