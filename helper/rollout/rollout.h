/* rollout.h - what the parts of a run of the updater share: devvm-job update, devvm-job drain, devvm-job recover.
 *
 * A run is told in the ledger before each thing it does (ledger/update_log.h), and each person's part of it
 * (ledger/moves.h). What it does up to UPDATE_STATE_GATE changes nothing for anybody, so whoever finds a run that
 * was killed there closes it as interrupted and begins anew. One that was killed later is finished or undone by
 * rollout_recover(): a person who was between two versions gets one of them, a rollback goes on, and so does the end.
 *
 * This file knows of none of the others; rollout/run.h and rollout/drain.h put them together.
 */
#ifndef DEVVM_ROLLOUT_ROLLOUT_H
#define DEVVM_ROLLOUT_ROLLOUT_H

#include "config/config.h"
#include "ledger/update_log.h"
#include "store/store.h"
#include "units/manager.h"
#include "update/candidate.h"
#include "update/order.h"
#include "update/outcome.h"

#define ROLLOUT_ITEM "t3"

struct rollout {
	struct env env;
	struct config config;
	struct ledger *ledger;
	struct order order;
	const char *instance; /* of devvm-update@; NULL: the timer's, or by hand */
	bool recovers;	      /* alone: a bad devvm.yaml leaves nobody between two versions */
	bool of_timer;	      /* the timer's, which keeps to update.window */
	int64_t id; /* of the run; 0 before it is opened, and in a dry run, which leaves no row */
	enum update_state state; /* that it has entered last */
	struct candidate candidate;
	bool is_only_for_dry_run; /* the candidate was not on the machine before, and goes again */
	char last_good[STORE_VERSION_BYTES]; /* what a new version is held against; "": none */
	struct str_list excluded; /* people whom the gate found not to go with the candidate */
	struct manager *manager;
	const char *only;	    /* a drain for one person alone; NULL: for all who wait */
	char text[ERROR_MAX_BYTES]; /* how it ends, in one sentence */
};

/* What a run needs, and its end. */
DV_MUST_CHECK int rollout_set_up(struct rollout *rollout, struct dv_error *err);
void rollout_done(struct rollout *rollout);

/* The lock of runs. An fd; -ETIMEDOUT where another run is under way. */
DV_MUST_CHECK int rollout_lock(struct rollout *rollout, struct dv_error *err);

/* The run writes that it enters `state`. Nothing in a dry run. */
DV_MUST_CHECK int rollout_enter(struct rollout *rollout, enum update_state state, const char *text,
				struct dv_error *err);

/* The words of a failure become the run's, and `outcome` is returned. */
enum update_outcome rollout_end_with(struct rollout *rollout, enum update_outcome outcome,
				     const struct dv_error *why);

/* The same where rollout_lock() returned `r` and `why`; `busy` is the sentence where another run is under way. */
enum update_outcome rollout_end_unlocked(struct rollout *rollout, int r, const char *busy,
					 const struct dv_error *why);

/* Whether versions are frozen now; then `rollout->text` says by what. For the moment before each state. */
bool rollout_is_frozen(struct rollout *rollout);

#endif
