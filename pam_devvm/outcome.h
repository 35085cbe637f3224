/* outcome.h - how a call of the module can end.
 *
 * One table (outcome.c) says for each end what PAM is told, how loud the log is and
 * in which words. The invariant it keeps: opening a session is never refused. Only
 * OUTCOME_DENIED, of the account phase, answers anything but success or "ignore me".
 */
#ifndef DEVVM_PAM_OUTCOME_H
#define DEVVM_PAM_OUTCOME_H

#include <security/pam_modules.h>
#include <stdbool.h>

#include "base/error.h"

enum outcome {
	OUTCOME_UNSET,

	/* opening a session */
	OUTCOME_SKIPPED,      /* not a person's session: root, a service manager, not root's call */
	OUTCOME_NOT_A_PERSON, /* no such account, or its uid is not a person's */
	OUTCOME_NOT_OURS,     /* the helper says that it does not look after this one */
	OUTCOME_TICKET,	      /* environment set from the ticket that was there */
	OUTCOME_READY,	      /* environment set from the ticket the helper has just written */
	OUTCOME_REPEATED,     /* a second line of the stack, nothing to put again */
	OUTCOME_BAD_TICKET,   /* a ticket that is not believed; the helper is asked next */
	OUTCOME_NO_TICKET,    /* the helper said ready and there is no good ticket */
	OUTCOME_ABSENT,	      /* nobody listens */
	OUTCOME_TIMEOUT,      /* no end of the answer within the time allowed */
	OUTCOME_CLOSED,	      /* the helper hung up */
	OUTCOME_IMPOSTOR,     /* not root listens there */
	OUTCOME_REFUSED,      /* the helper answered `error` */
	OUTCOME_VERSION,      /* the helper speaks another version */
	OUTCOME_MALFORMED,    /* the answer is no answer */
	OUTCOME_FAILED,	      /* a system call of ours failed */

	/* the account phase */
	OUTCOME_ALLOWED,
	OUTCOME_DENIED,	    /* written down in PATH_DENIED */
	OUTCOME_BAD_DENIAL, /* something is there that root has not plainly written */

	OUTCOME_N,
};

struct outcome_row {
	int pam_code;
	int priority;	      /* of syslog(3); OUTCOME_NO_LOG: only with `debug` */
	const char *sentence; /* for the log */
	const char *text;     /* for the person; NULL: nothing to say */
};

#define OUTCOME_NO_LOG (-1)

/* The row of `outcome`; never NULL. */
const struct outcome_row *outcome_row_of(enum outcome outcome);

/* Write the line for `outcome`, with the detail in `err` where there is one. */
void outcome_log(pam_handle_t *pamh, enum outcome outcome, bool debug, const char *user,
		 const struct dv_error *err);

#endif
