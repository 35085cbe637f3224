/* update_log.h - the journal of the updater's runs.
 *
 * A run is a row that is opened, told its target, and ended with an outcome; each state it enters
 * is a row of its own that is only ever added. All of it is on disk before the call returns: a
 * run that was killed is found open, in the state it was in. UPDATE_LOG_KEPT runs are kept.
 */
#ifndef DEVVM_LEDGER_UPDATE_LOG_H
#define DEVVM_LEDGER_UPDATE_LOG_H

#include "ledger/ledger.h"

#define UPDATE_LOG_KEPT 400

/* Of a run, and of one person in it. */
enum update_state {
	UPDATE_STATE_UNSET,
	UPDATE_STATE_RESOLVE,  /* asking the registry; nothing is changed */
	UPDATE_STATE_GUARD,    /* the rules have been asked; nothing is changed */
	UPDATE_STATE_STAGE,    /* npm at work; a version comes to be, or does not */
	UPDATE_STATE_STAGED,   /* the version is there, whole, and nobody has it */
	UPDATE_STATE_GATE,     /* it is tried on copies */
	UPDATE_STATE_CANARY,   /* people are moved, one at a time */
	UPDATE_STATE_ROLLBACK, /* it is bad: those who were moved go back */
	UPDATE_STATE_DONE,     /* it is good: current and last-good move */
	UPDATE_STATE_ENDED,    /* `outcome` says how */

	UPDATE_STATE_HELD,    /* a person: nothing of theirs starts; their version is the old one */
	UPDATE_STATE_COPIED,  /* a checked copy of their database is there */
	UPDATE_STATE_POINTED, /* their pointer names the new version, or is about to */
	UPDATE_STATE_SOAKING, /* it lets them in, and is watched */
	UPDATE_STATE_MOVED,   /* it is theirs */
	UPDATE_STATE_FAILED, /* the new version does not do with them; whether it is to blame is not known yet */
	UPDATE_STATE_UNDOING,  /* on their way back */
	UPDATE_STATE_BACK,     /* the old version is theirs again, and their data as it was */
	UPDATE_STATE_EXCLUDED, /* they keep the old one: their own trouble */
	UPDATE_STATE_DEFERRED, /* they keep the old one for now: they are at work */
	UPDATE_STATE_STAYED, /* they keep the new one though it is bad: they have worked with it */
	UPDATE_STATE_SUPERSEDED, /* what was not finished is not gone on with: a restore took its place */
	UPDATE_N_STATES,
};

struct update_run {
	int64_t id;			/* rises; 0: there is none */
	int64_t began_usec, ended_usec; /* ended 0: under way, or killed */
	enum update_state state;
	char *from;	 /* the version that was current when it began; "" for none */
	char *to;	 /* "" until it is resolved */
	char *integrity; /* of `to`, as the registry said it */
	char *outcome;	 /* a word of update/outcome.h; "" while it is open */
	char *reason;	 /* one sentence */
	char *boot;	 /* of the kernel that ran it */
};

struct update_runs {
	struct update_run *rows; /* the newest first */
	size_t n_rows;
};

struct update_step {
	int64_t run, seq; /* seq from 1 in each run */
	int64_t at_usec;
	enum update_state state;
	char *person; /* NULL for the machine */
	char *text;
};

struct update_steps {
	struct update_step *rows; /* in their order */
	size_t n_rows;
};

const char *update_state_word(enum update_state state);
enum update_state update_state_of(const char *word);

/* Open a run in UPDATE_STATE_RESOLVE. */
DV_MUST_CHECK int update_log_begin(struct ledger *ledger, int64_t at_usec, const char *from,
				   const char *boot, int64_t *ret_id, struct dv_error *err);
/* What it is about to take. */
DV_MUST_CHECK int update_log_target(struct ledger *ledger, int64_t id, const char *to,
				    const char *integrity, struct dv_error *err);
/* It enters `state`; `person` may be NULL. */
DV_MUST_CHECK int update_log_enter(struct ledger *ledger, int64_t id, int64_t at_usec,
				   enum update_state state, const char *person, const char *text,
				   struct dv_error *err);
/* It is over; the state before stays as the last row of steps but one. Its copies are let go, but for those of who is
 * between two versions (moves_keep_copies()). */
DV_MUST_CHECK int update_log_end(struct ledger *ledger, int64_t id, int64_t at_usec,
				 const char *outcome, const char *reason, struct dv_error *err);

/* The row of a state alone, in the caller's transaction: what a person's state is written with (ledger/moves.h). */
DV_MUST_CHECK int update_log_note(struct ledger *ledger, int64_t id, int64_t at_usec,
				  enum update_state state, const char *person, const char *text,
				  struct dv_error *err);

/* The newest `limit` runs. */
DV_MUST_CHECK int update_log_list(struct ledger *ledger, unsigned int limit,
				  struct update_runs *ret_runs, struct dv_error *err);
/* The newest run; its id is 0 where there is none. */
DV_MUST_CHECK int update_log_last(struct ledger *ledger, struct update_run *ret_run,
				  struct dv_error *err);
DV_MUST_CHECK int update_log_steps(struct ledger *ledger, int64_t run,
				   struct update_steps *ret_steps, struct dv_error *err);
/* The newest run that is not ended; its id is 0 where all are. For whoever comes after a kill. */
DV_MUST_CHECK int update_log_open(struct ledger *ledger, struct update_run *ret_run,
				  struct dv_error *err);

void update_run_done(struct update_run *run);
void update_runs_done(struct update_runs *runs);
void update_step_done(struct update_step *step);
void update_steps_done(struct update_steps *steps);

#define DV_AUTO_UPDATE_RUN DV_CLEANUP(update_run_done)
#define DV_AUTO_UPDATE_RUNS DV_CLEANUP(update_runs_done)
#define DV_AUTO_UPDATE_STEP DV_CLEANUP(update_step_done)
#define DV_AUTO_UPDATE_STEPS DV_CLEANUP(update_steps_done)

#endif
