/* mint.h - the verbs mint and minted: a one-time credential that pairs a browser with somebody's t3.
 *
 * A credential is made by the person's own t3 command line, of exactly the version that their pointer
 * names, in the unit devvm-mint@USER as that person (FACTS: a newer one would migrate the database under
 * the running server). The unit hands it over with `minted`, on the public socket, as its own uid; here it
 * goes to the one who has waited longest and is forgotten: no log, no ledger, no second use.
 *
 * Each caller gets a credential of their own. A unit costs a quarter of a gigabyte and more than a second, so
 * there is one at a time for a person and `door.mint_concurrency` of them on the machine; who comes
 * on top waits, and beyond MINT_MAX_WAITERS is told to try again.
 */
#ifndef DEVVM_DAEMON_MINT_H
#define DEVVM_DAEMON_MINT_H

#include "daemon/daemon.h"

#define MINT_MAX_WAITERS 128

struct mints;

DV_MUST_CHECK int mints_new(struct mints **ret_mints, struct daemon *daemon, struct dv_error *err);
void mints_free(struct mints *mints);

/* A unit that was started ended; for units_start(), and for tests. */
void mints_on_end(void *mints, const char *unit, enum units_result result, const char *text);

#endif
