/* pass.h - one pass over the reconcile's steps, for one person or for the machine.
 *
 * A step is checked, applied where it differs, and checked again. Before the first change
 * for a person their lock is taken, their row is read again under it, and their ticket goes;
 * the ticket step, last in the table, writes it anew. A failed step stops only what needs it.
 */
#ifndef DEVVM_JOB_PASS_H
#define DEVVM_JOB_PASS_H

#include "ledger/steps_log.h"
#include "steps/steps.h"
#include "steps/view.h"

struct pass_options {
	struct reconcile_view *view;
	const struct steps_log *failed; /* the failed results of the runs before */
	bool dry_run;			/* a plan: check and print, change nothing */
	bool report;			/* and tell devvm-helperd what it prints */
};

/* Run the steps of `place` for `person` (NULL: for the machine). Step failures are logged
 * and written to the ledger; -errno only when that cannot be done. */
DV_MUST_CHECK int pass_run(const struct pass_options *options, enum step_place place,
			   const struct people_row *person, struct dv_error *err);

/* Remove the temporaries that a killed job left beside the files of the steps. For the holder
 * of the reconcile's lock: nobody else writes there. What cannot be removed stays. */
void pass_sweep(const struct env *env);

/* A plan's line: printed, and reported where asked to. `name` is "" for the machine. */
void pass_tell_item(const struct pass_options *options, const char *name, const char *step,
		    enum step_mark mark, const char *what);
/* The same of what keeps the plan from knowing, or the reconcile from being done. */
void pass_tell_trouble(const struct pass_options *options, const char *name, const char *step,
		       const char *why);

#endif
