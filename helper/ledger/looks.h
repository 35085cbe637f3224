/* looks.h - what the last look at somebody's running t3 saw: since when it is idle, and how
 * much CPU its agents had used. One row for each that ran at the last look. */
#ifndef DEVVM_LEDGER_LOOKS_H
#define DEVVM_LEDGER_LOOKS_H

#include "ledger/ledger.h"

struct looks_row {
	char *name;
	int64_t idle_since_usec; /* 0: it was busy */
	/* Of what ran beside the server; see move/busy.h. */
	int64_t agent_ticks, agent_start;
};

struct looks {
	struct looks_row *rows; /* sorted by name */
	size_t n_rows;
};

void looks_done(struct looks *looks);

DV_MUST_CHECK int looks_list(struct ledger *ledger, struct looks *ret_looks, struct dv_error *err);
/* NULL when there is none. */
const struct looks_row *looks_find(const struct looks *looks, const char *name);
DV_MUST_CHECK int looks_put(struct ledger *ledger, const struct looks_row *row,
			    struct dv_error *err);
DV_MUST_CHECK int looks_forget(struct ledger *ledger, const char *name, struct dv_error *err);

#define DV_AUTO_LOOKS DV_CLEANUP(looks_done)

#endif
