/* update.h - the parts of a run of the updater: devvm-job update, devvm-job drain.
 *
 * A run is told in the ledger before each thing it does (ledger/update_log.h), and each person's part of it
 * (ledger/moves.h). What it does up to UPDATE_STATE_GATE changes nothing for anybody, so whoever finds a run that
 * was killed there closes it as interrupted and begins anew. One that was killed later is finished or undone by
 * update_recover(): a person who was between two versions gets one of them, a rollback goes on, and so does the end.
 */
#ifndef DEVVM_JOB_UPDATE_H
#define DEVVM_JOB_UPDATE_H

#include "config/config.h"
#include "ledger/update_log.h"
#include "store/store.h"
#include "units/manager.h"
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
	int64_t id; /* of the run; 0 before it is opened, and in a dry run, which leaves no row */
	struct candidate candidate;
	bool is_only_for_dry_run; /* the candidate was not on the machine before, and goes again */
	char last_good[STORE_VERSION_BYTES]; /* what a new version is held against; "": none */
	struct str_list excluded; /* people whom the gate found not to go with the candidate */
	struct manager *manager;
	const char *only;	    /* a drain for one person alone; NULL: for all who wait */
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

/* From the question to a version that is staged (UPDATE_STAGED), or to what speaks
 * against it. Blocks for as long as npm takes. */
enum update_outcome update_stage(struct update *update);

/* A dry run takes away again what it brought to the machine. */
void update_take_away(struct update *update);

/* Hold the candidate against the rules (update/rules.h) with what is so on this machine now. */
DV_MUST_CHECK int update_judge(struct update *update, enum rules_why why,
			       enum update_outcome *ret_outcome, struct dv_error *err);

/* Try the candidate on copies of databases: UPDATE_STAGED where it is good, with `excluded` filled in. A dry run
 * makes no copy for it: it takes the newest checked ones, however old. */
enum update_outcome update_gate(struct update *update);

/* Move people to the candidate one at a time, up to the end: current and last-good, or everybody back. */
enum update_outcome update_canary(struct update *update);
/* The same for those alone who wait for what is current already. */
enum update_outcome update_drain(struct update *update);

/* They were passed over: the first time that they have blocked it for longer than update.defer_max is an event. */
DV_MUST_CHECK int update_note_overdue(struct update *update, const char *name,
				      struct dv_error *err);

/* Run `run`, of `version` ("": none), has ended with `outcome` and the words in `text`. Where that wants a person, the
 * command of update.notify is told, by a unit that is not waited for; where it cannot be started that is an event. */
void update_notify(struct update *update, int64_t run, const char *version,
		   enum update_outcome outcome);

/* The version is bad for good, as run `id` has found, and stands in the file beside the ledger. */
DV_MUST_CHECK int update_condemn(struct update *update, const char *version, int64_t id,
				 const char *why, struct dv_error *err);
/* In UPDATE_STATE_ROLLBACK of run `id` to `version`: it is condemned, everybody who was moved and has not worked
 * since goes back, and versions are frozen. Can be done again. For each person who cannot be brought back there is a
 * line in the journal, and devvm-recover goes on with them. */
enum update_outcome update_roll_back(struct update *update, int64_t id, const char *version,
				     const char *why);
/* Current and last-good are `version` from now on. */
DV_MUST_CHECK int update_finish(struct update *update, const char *version, struct dv_error *err);

/* Finish or undo what a killed run left open. Under the lock of runs. */
DV_MUST_CHECK int update_recover(struct update *update, struct dv_error *err);

/* The same for all of them: what a run needs, and its end. `word` names the run in a sentence. */
DV_MUST_CHECK int update_set_up(struct update *update, struct dv_error *err);
void update_done(struct update *update);
/* An fd; -ETIMEDOUT where another run is under way. */
DV_MUST_CHECK int update_lock(struct update *update, struct dv_error *err);
DV_MUST_CHECK int update_open(struct update *update, struct dv_error *err);
DV_MUST_CHECK int update_close(struct update *update, enum update_outcome outcome,
			       struct dv_error *err);

/* The bad versions beside the ledger: taken in where the ledger is new, and written down. */
#define UPDATE_BAD_FILE LEDGER_FOLDER "/known-bad.kept"
DV_MUST_CHECK int update_import_bad(struct update *update, struct dv_error *err);
DV_MUST_CHECK int update_keep_bad(struct update *update, struct dv_error *err);

/* Remove the versions that nobody needs: not current, last-good or anybody's, not what a run that is
 * open comes from or goes to, not among the newest. */
DV_MUST_CHECK int update_prune(struct update *update, struct dv_error *err);

#endif
