/* instance.h - the step `units`: the files by which systemd knows a person's units.
 *
 * Per person a drop-in with the port of their browser server's socket, and links in the
 * targets' .wants folders for what comes up with the machine: all that `systemctl enable`
 * would do, without a process per person. Which units those are stands in instance_units.h;
 * that they run is the step `settle`'s.
 */
#ifndef DEVVM_STEPS_INSTANCE_H
#define DEVVM_STEPS_INSTANCE_H

#include "steps/steps.h"

/* A step. */
int instance_check(struct step_context *context, enum step_verdict *ret_verdict,
		   char ret_what[static STEP_WHAT_BYTES], struct dv_error *err);
int instance_apply(struct step_context *context, struct dv_error *err);

/* Whether nothing of that is there. */
bool instance_is_removed(struct reconcile_view *view, const char *name);
/* Of somebody who leaves: their drop-ins and links go; `settle` is told to stop what runs. */
DV_MUST_CHECK int instance_remove(struct reconcile_view *view, const char *name,
				  struct dv_error *err);

#endif
