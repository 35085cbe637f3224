/* run.h - one run of the updater, from its first state to the end that is told.
 *
 *	resolve   ask the registry what the tag names, or about the version that was said
 *	guard     hold it against the rules
 *	stage     have npm install it without rights, and take the result over, read-only
 *	staged    the tag is asked once more: one that has moved meanwhile means to start over
 *	gate      try it on copies of databases
 *	canary    give it to people, one at a time
 *	done      it is current and last-good; or rollback: it is bad, and everybody goes back
 *
 * One run at a time, by a lock that dies with its holder. A freeze is looked at before each
 * state, so one that comes in the middle holds too. Every end has an outcome, an exit status
 * and a message id of its own (update/outcome.h).
 */
#ifndef DEVVM_ROLLOUT_RUN_H
#define DEVVM_ROLLOUT_RUN_H

#include "rollout/rollout.h"

/* All of it, after rollout_set_up(). Negative where the end could not be told. Blocks for as long as it takes. */
DV_MUST_CHECK int rollout_run(struct rollout *rollout, enum update_outcome *ret_outcome,
			      struct dv_error *err);

/* Begin and end a run, for what is one in another way (rollout/drain.h). Under the lock of runs: what a killed run
 * left is recovered first; then there is a row of this one, and what it comes from is known. */
DV_MUST_CHECK int rollout_open(struct rollout *rollout, struct dv_error *err);
/* The one line of the journal, the row of the ledger, and the note for whoever asked. */
DV_MUST_CHECK int rollout_close(struct rollout *rollout, enum update_outcome outcome,
				struct dv_error *err);

#endif
