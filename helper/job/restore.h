/* restore.h - the parts of devvm-job restore, and what devvm-job recover goes on with.
 *
 * Order: the copy is held against its digest; a row in the ledger; the hold, behind which nothing of the
 * person's starts; their t3 stops; where they go back to another version with it, their pointer; their own process
 * puts what is there aside and the copy in its place; the row says so; the hold goes; their t3 starts if it ran, and
 * must let in. Whoever finds a row (devvm-recover, at boot or when it is asked) goes on from it: until it says
 * "placed" nothing has run, and all of it can be done again. All of it happens under the person's lock.
 *
 * Somebody whose way back from an update, or whose restore, does not come to its end gets out by another restore with
 * an ID that was said: in one transaction the new row takes the place of the old one (ledger/unfinished.h).
 *
 * Whether it may be is looked at under that lock alone, and the row is written under it: one that is refused leaves
 * nothing that anybody could go on with.
 */
#ifndef DEVVM_JOB_RESTORE_H
#define DEVVM_JOB_RESTORE_H

#include "ledger/people.h"
#include "ledger/restores.h"
#include "ledger/unfinished.h"
#include "move/placing.h"
#include "store/store.h"

struct restore {
	struct env env;
	struct ledger *ledger;
	struct people_row person;
	struct restore_row row;	       /* of the verb: what is wanted; then what the ledger says */
	bool is_said;		       /* the ID was, by whoever asked */
	bool is_forced;		       /* whatever they are at */
	struct unfinished stuck;       /* what it takes the place of */
	char own[STORE_VERSION_BYTES]; /* of t3, that their pointer names; "": it names none */
	int lock_fd;		       /* the person's */
	int run_fd;		       /* the updater's, where it takes the place of a move */
};

#define RESTORE_EMPTY                                                                              \
	{                                                                                          \
		.env = ENV_EMPTY, .lock_fd = -1, .run_fd = -1                                      \
	}

DV_MUST_CHECK int restore_open(struct restore *run, struct dv_error *err);
void restore_done(struct restore *run);
DV_MUST_CHECK int restore_find_person(struct restore *run, struct dv_error *err);
bool restore_is_running(const struct restore *run);
struct placing restore_placing(const struct restore *run);

/* Take the locks and look whether it may be; then `stuck` is what it takes the place of, and `row` complete.
 * Refuses with a sentence: they are at work, on hold, being worked on. Blocks for a minute at most. */
DV_MUST_CHECK int restore_permit(struct restore *run, struct dv_error *err);

/* Refuses where the t3 that they are to get is not on this machine. */
DV_MUST_CHECK int restore_check_version(const struct restore *run, struct dv_error *err);
/* After restore_permit(): the row, with which that t3 stays on this machine. The updater may go on then. Blocks for a
 * minute at most. */
DV_MUST_CHECK int restore_begin(struct restore *run, struct dv_error *err);
/* Refuses where their t3 runs and may be at work, unless it is forced. */
DV_MUST_CHECK int restore_check_idle(const struct restore *run, struct dv_error *err);

/* The t3 that they get with the copy, in run->row.version: the one that they had when it was made, where what they have
 * now (or get anyway, from what is not finished) would migrate it, or does not read it, or is known to be bad; else it
 * stays as it is. Refuses, unless it is forced, where that one is not on this machine (then they keep what they have)
 * or is known to be bad. The caller holds the person's lock. May block for 70 s. */
DV_MUST_CHECK int restore_choose_version(struct restore *run, bool *ret_leads_back,
					 struct dv_error *err);
/* What their pointer names, into run->own. */
DV_MUST_CHECK int restore_find_own(struct restore *run, struct dv_error *err);
/* `before`, and the t3 that they get or keep; "" where there is none. */
#define RESTORE_VERSION_TEXT_BYTES (STORE_VERSION_BYTES + 16)
void restore_name_version(const struct restore *run, const char *before,
			  char ret_text[static RESTORE_VERSION_TEXT_BYTES]);

/* From the row in the ledger to the end; -ESTALE where there is none any more. Whoever comes to it without the lock
 * goes on with what was killed: -EBUSY where that was before the hold, and they are at work. `ret_done` says what became of it.
 * Blocks for as long as the bytes take. */
DV_MUST_CHECK int restore_finish(struct restore *run, char ret_done[static ERROR_MAX_BYTES],
				 struct dv_error *err);

/* Finish the restores that a kill has left open; one that cannot be finished is told and keeps its hold. Negative
 * where the ledger cannot be read. */
DV_MUST_CHECK int restore_recover(bool *ret_is_whole, struct dv_error *err);

#endif
