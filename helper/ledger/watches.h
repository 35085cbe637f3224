/* watches.h - what the watchdog remembers of each person's t3 from one minute to the next.
 *
 * A person whose t3 is well and was not restarted lately has no row, so a minute in which all is well writes
 * nothing.
 */
#ifndef DEVVM_LEDGER_WATCHES_H
#define DEVVM_LEDGER_WATCHES_H

#include "base/str.h"
#include "ledger/ledger.h"

#define WATCHES_MAX_RESTARTS 3

/* Times are wall time in microseconds since the epoch; 0: never. */
struct watch_row {
	char name[STR_USER_NAME_MAX + 1];
	int64_t n_fails;      /* in a row */
	int64_t started_usec; /* the run of their server that failed: when it began */
	int64_t first_fail_usec;
	int64_t restart_usec[WATCHES_MAX_RESTARTS]; /* by the watchdog; the newest first */
	int64_t alerted_usec;
	int64_t stood_down_usec;
};

struct watches {
	struct watch_row *rows; /* sorted by name */
	size_t n_rows;
};

DV_MUST_CHECK int watches_list(struct ledger *ledger, struct watches *ret_watches,
			       struct dv_error *err);
void watches_done(struct watches *watches);
/* NULL when there is none. */
const struct watch_row *watches_find(const struct watches *watches, const char *name);
DV_MUST_CHECK int watches_put(struct ledger *ledger, const struct watch_row *row,
			      struct dv_error *err);
/* One that is not there is forgotten already. */
DV_MUST_CHECK int watches_forget(struct ledger *ledger, const char *name, struct dv_error *err);

#define DV_AUTO_WATCHES DV_CLEANUP(watches_done)

#endif
