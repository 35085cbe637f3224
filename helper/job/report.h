/* report.h - how a job tells devvm-helperd what it did, one report a connection.
 *
 * The daemon may be restarting: a report is tried again for a short while and then given
 * up, for jobs go on without it. */
#ifndef DEVVM_JOB_REPORT_H
#define DEVVM_JOB_REPORT_H

#include "base/error.h"

#include <stdint.h>

struct report {
	const char *user;
	int64_t generation;
	const char *step;
	const char *status;    /* running, ok, failed, differs */
	const char *text;      /* may be NULL */
	const char *own_login; /* of the facts step; else NULL */
	unsigned int n, of;    /* progress; 0 for none */
};

/* Blocks for REPORT_DEADLINE_MS at most. */
#define REPORT_DEADLINE_MS 5000
DV_MUST_CHECK int report_send(const struct report *report, struct dv_error *err);

#endif
