/* events.h - what happened, for `devvmctl events`: one sentence a row, the newest
 * EVENTS_KEEP kept. */
#ifndef DEVVM_LEDGER_EVENTS_H
#define DEVVM_LEDGER_EVENTS_H

#include "ledger/ledger.h"

#define EVENTS_KEEP 20000

struct events_row {
	int64_t id; /* rises */
	int64_t at_usec;
	int priority; /* syslog */
	char *name;   /* the person, NULL for the machine */
	char *step;   /* NULL when none */
	char *text;
};

struct events {
	struct events_row *rows; /* oldest first */
	size_t n_rows;
};

void events_done(struct events *events);

DV_MUST_CHECK int events_add(struct ledger *ledger, int64_t at_usec, int priority, const char *name,
			     const char *step, const char *text, struct dv_error *err);

/* The newest `limit` rows with an id above `after_id`, of one person where `name` is not
 * NULL. */
DV_MUST_CHECK int events_list(struct ledger *ledger, int64_t after_id, const char *name,
			      unsigned int limit, struct events *ret_events, struct dv_error *err);

#define DV_AUTO_EVENTS DV_CLEANUP(events_done)

#endif
