/* update.h - the parts of a run of the updater: devvm-job update.
 *
 * A run is told in the ledger before each thing it does (ledger/update_log.h). What it does up to
 * UPDATE_STATE_STAGED changes nothing for anybody, so whoever finds a run that was killed there
 * closes it as interrupted and begins anew.
 */
#ifndef DEVVM_JOB_UPDATE_H
#define DEVVM_JOB_UPDATE_H

#include "config/config.h"
#include "ledger/update_log.h"
#include "update/order.h"
#include "update/rules.h"

#define UPDATE_ITEM "t3"

struct update {
	struct env env;
	struct config config;
	struct ledger *ledger;
	struct order order;
	const char *instance; /* of devvm-update@; NULL: the timer's, or by hand */
	bool of_timer;	      /* the timer's, which keeps to update.window */
	int64_t id;	      /* of the run; 0 in a dry run and before it is opened */
	struct candidate candidate;
	char text[ERROR_MAX_BYTES]; /* how it ends, in one sentence */
};

/* The run writes that it enters `state`. Nothing in a dry run. */
DV_MUST_CHECK int update_enter(struct update *update, enum update_state state, const char *text,
			       struct dv_error *err);

/* The words of a failure become the run's, and `outcome` is returned. */
enum update_outcome update_end_with(struct update *update, enum update_outcome outcome,
				    const struct dv_error *why);

/* Whether versions are frozen now; then `update->text` says by what. For the moment before each state. */
bool update_is_frozen(struct update *update);

/* From the question to a version that is staged (UPDATE_STAGED; in a dry run UPDATE_PLANNED), or to what speaks
 * against it. Blocks for as long as npm takes. */
enum update_outcome update_stage(struct update *update);

/* Hold the candidate against the rules (update/rules.h) with what is so on this machine now. */
DV_MUST_CHECK int update_judge(struct update *update, enum rules_why why,
			       enum update_outcome *ret_outcome, struct dv_error *err);

/* Close what a killed run left open. */
DV_MUST_CHECK int update_recover(struct update *update, struct dv_error *err);

/* The bad versions beside the ledger: taken in where the ledger is new, and written down. */
#define UPDATE_BAD_FILE LEDGER_FOLDER "/known-bad.kept"
DV_MUST_CHECK int update_import_bad(struct update *update, struct dv_error *err);
DV_MUST_CHECK int update_keep_bad(struct update *update, struct dv_error *err);

/* Remove the versions that nobody needs: not current, last-good or anybody's, not what a run that is
 * open comes from or goes to, not among the newest. */
DV_MUST_CHECK int update_prune(struct update *update, struct dv_error *err);

#endif
