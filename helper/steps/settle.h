/* settle.h - the step `settle`: what systemd runs for people is what the ledger says.
 *
 * The steps of the reconcile only write files, and note before they do that systemd is to be
 * told (settle_note.h). Telling it takes seconds where there are thousands of sockets,
 * so it is a job of its own (devvm-settle.service), which the reconcile starts at its end
 * where something was noted, and once an hour; no login waits for it. It compares one listing
 * of systemd's units with the ledger and starts and stops what differs, after one reload
 * where files of loaded units changed. The note stays in the ledger until that is done, so a
 * kill in between heals.
 */
#ifndef DEVVM_STEPS_SETTLE_H
#define DEVVM_STEPS_SETTLE_H

#include "steps/steps.h"

/* A step. */
int settle_check(struct step_context *context, enum step_verdict *ret_verdict,
		 char ret_what[static STEP_WHAT_BYTES], struct dv_error *err);
int settle_apply(struct step_context *context, struct dv_error *err);

#endif
