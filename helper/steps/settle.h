/* settle.h - the step `settle`: what systemd runs for people is what the ledger says.
 *
 * The steps of the reconcile only write files, and note with settle_note() before they do
 * that systemd is to be told. Telling it takes seconds where there are thousands of sockets,
 * so it is a job of its own (devvm-settle.service), which the reconcile starts at its end
 * where something was noted, and once an hour; no login waits for it. It compares one listing
 * of systemd's units with the ledger and starts and stops what differs, after one reload
 * where files of loaded units changed. The note stays in the ledger until that is done, so a
 * kill in between heals.
 */
#ifndef DEVVM_STEPS_SETTLE_H
#define DEVVM_STEPS_SETTLE_H

#include "steps/steps.h"

enum settle_note {
	SETTLE_PEOPLE = 1 << 0, /* units of a person: a new one is read when it is started */
	SETTLE_RELOAD = 1 << 1, /* files of units that may be loaded */
	SETTLE_RETRY = 1 << 2,	/* a unit that could not be started or stopped */
};

/* Before the first change of a file; the ledger is written once per run. */
DV_MUST_CHECK int settle_note(struct reconcile_view *view, enum settle_note note,
			      struct dv_error *err);

/* At the end of a reconcile: whether the job is to run. Renews a note of this run, so that
 * a job that is under way looks again. */
DV_MUST_CHECK int settle_is_due(struct reconcile_view *view, bool *ret_due, struct dv_error *err);

/* A step. */
int settle_check(struct step_context *context, enum step_verdict *ret_verdict,
		 char ret_what[static STEP_WHAT_BYTES], struct dv_error *err);
int settle_apply(struct step_context *context, struct dv_error *err);

#endif
