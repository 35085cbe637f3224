/* sync.h - the roster into the ledger: the only reader of roster.yaml.
 *
 * One transaction: who is new or changed is written with a higher generation, who is gone
 * becomes a tombstone. The tickets of all of them are removed before, so that no ticket
 * outlives what it says. Nothing is written when nothing changed.
 */
#ifndef DEVVM_JOB_SYNC_H
#define DEVVM_JOB_SYNC_H

#include "steps/steps.h"
#include "steps/view.h"

enum sync_outcome {
	SYNC_UNSET,
	SYNC_UNCHANGED,
	SYNC_CHANGED,
	SYNC_REFUSED, /* the roster is bad; the ledger keeps the last good one */
};

/* What differs, once per person, before it is written. */
typedef void sync_on_change(void *context, const char *name, enum step_mark mark, const char *what);

struct sync_options {
	bool dry_run;		   /* the ledger is a scratch one; nothing on disk is touched */
	sync_on_change *on_change; /* NULL: nobody listens */
	void *context;
};

/* `ret_digest` gets the digest of the roster's bytes ("" when it could not be read).
 * SYNC_REFUSED leaves the reason in `err` and returns 0. */
DV_MUST_CHECK int sync_roster(struct reconcile_view *view, const struct sync_options *options,
			      enum sync_outcome *ret_outcome,
			      char ret_digest[static DIGEST_HEX_BYTES], struct dv_error *err);

/* The digest of the roster file as it is now, "" when it cannot be read. */
void sync_digest(const struct reconcile_view *view, char ret_digest[static DIGEST_HEX_BYTES]);

#endif
