/* store.h - the ledger as the daemon has it: perhaps not there, perhaps broken.
 *
 * Opened when it is first needed; once it fails it is tried again with the next request,
 * at most once in STORE_RETRY_MS. A ledger file that was replaced is opened anew. What
 * happens to the ledger is logged here, once per change.
 */
#ifndef DEVVM_DAEMON_STORE_H
#define DEVVM_DAEMON_STORE_H

#include <sys/types.h>

#include "ledger/ledger.h"

#define STORE_RETRY_MS 1000
/* Nothing may hold up the loop: who meets a writer comes again from a timer. */
#define STORE_BUSY_MS 2

struct store {
	const struct env *env; /* borrowed */
	struct ledger *ledger; /* NULL while it cannot be had */
	dev_t dev;
	ino_t ino;
	int64_t retry_at_ms;
	int failure; /* negative errno of the last attempt, 0 when it went well */
	struct dv_error why;
};

void store_init(struct store *store, const struct env *env);
void store_done(struct store *store);

/* The open ledger, borrowed until the loop turns. The error of the last attempt while
 * there is none. */
DV_MUST_CHECK int store_get(struct store *store, struct ledger **ret_ledger, struct dv_error *err);

/* Pass the result of every call on the ledger through here: one that says the ledger is
 * broken makes the next store_get() open it anew. Returns `r`. */
int store_note(struct store *store, int r, const struct dv_error *err);

#endif
