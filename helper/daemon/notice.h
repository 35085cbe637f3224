/* notice.h - what somebody hears of an update that waits for them: in `status`, and at their login. */
#ifndef DEVVM_DAEMON_NOTICE_H
#define DEVVM_DAEMON_NOTICE_H

#include "daemon/daemon.h"
#include "ledger/deferrals.h"

#define NOTICE_BYTES (DEFERRALS_VERSION_BYTES + DEFERRALS_WHY_BYTES + 240)

/* One sentence about `user`: what waits for them since when, and why. "" where nothing does. */
DV_MUST_CHECK int notice_waiting(const struct daemon *daemon, struct ledger *ledger,
				 const char *user, char ret_text[static NOTICE_BYTES],
				 struct dv_error *err);

/* The same to themself, with what they can type; "" before it has waited for update.defer_max days. A ledger that
 * cannot be read has nothing to tell: nobody's login waits for it. */
void notice_overdue(struct daemon *daemon, const char *user, char ret_text[static NOTICE_BYTES]);

#endif
