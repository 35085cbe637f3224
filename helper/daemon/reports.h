/* reports.h - the results of steps on their way into the ledger.
 *
 * A report is checked and acknowledged when it comes, and written with all others of the
 * same turn of the loop in one transaction. While somebody else holds the write lock the
 * reports wait, up to REPORTS_MAX of them. What follows from a report (a line in the log,
 * an event, a reconcile because a claude login was found) happens once it is written.
 */
#ifndef DEVVM_DAEMON_REPORTS_H
#define DEVVM_DAEMON_REPORTS_H

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "ledger/people.h"
#include "ledger/steps_log.h"

#define REPORTS_MAX 4096
#define REPORTS_RETRY_USEC 50000

struct daemon;
struct reports;

struct reports_item {
	const char *user, *step, *error, *fingerprint; /* the last two may be NULL */
	enum steps_log_status status;
	int64_t generation;
	enum people_login login; /* PEOPLE_LOGIN_UNKNOWN: it says nothing about that */
};

DV_MUST_CHECK int reports_new(struct reports **ret_reports, struct daemon *daemon,
			      struct dv_error *err);
/* What waits is dropped: reports_flush() comes before. */
void reports_free(struct reports *reports);

/* Copies the item. -ENOSPC when REPORTS_MAX wait, -ENOMEM. */
DV_MUST_CHECK int reports_add(struct reports *reports, const struct reports_item *item);

/* Whether a report about `user` is not written yet. */
bool reports_wait(const struct reports *reports, const char *user);

/* Write now what waits. False while the ledger cannot take it. */
bool reports_flush(struct reports *reports);

#endif
