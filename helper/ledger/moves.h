/* moves.h - each person's last move to another version of t3: how far it is, and what undoes it.
 *
 * A person has one row, of the last run that came to them. Each state is written, with its row in the run's
 * journal (update_log.h), before the thing is done that it names; so whoever finds a row knows the most that may
 * have happened.
 */
#ifndef DEVVM_LEDGER_MOVES_H
#define DEVVM_LEDGER_MOVES_H

#include <stdbool.h>

#include "base/str.h"
#include "ledger/backups.h"
#include "ledger/update_log.h"

#define MOVES_VERSION_BYTES 65
#define MOVES_REASON_BYTES 256

struct move_row {
	char name[STR_USER_NAME_MAX + 1];
	int64_t run;
	char from[MOVES_VERSION_BYTES], to[MOVES_VERSION_BYTES];
	enum update_state state;
	char copy[BACKUPS_ID_BYTES]; /* of their database under `from`; "": they had none */
	int64_t level;		     /* of migration, of that copy; -1: none */
	int64_t began_usec;
	int64_t moved_usec; /* since when they can have worked with `to`; 0: not yet */
	bool was_running;   /* their t3, before */
	char reason[MOVES_REASON_BYTES];
};

struct moves {
	struct move_row *rows; /* in the order in which they were begun */
	size_t n_rows;
};

/* The row as it is to be from now on, and its state in the journal of its run, in one transaction. -EBUSY, and nothing
 * is written, where the row that is there is of another run and between two versions. */
DV_MUST_CHECK int moves_enter(struct ledger *ledger, const struct move_row *row, int64_t at_usec,
			      struct dv_error *err);
/* The same in the caller's transaction. */
DV_MUST_CHECK int moves_note(struct ledger *ledger, const struct move_row *row, int64_t at_usec,
			     struct dv_error *err);
#define MOVES_ALL_RUNS 0
/* Those of one run, or of all. */
DV_MUST_CHECK int moves_list(struct ledger *ledger, int64_t run, struct moves *ret_moves,
			     struct dv_error *err);
void moves_done(struct moves *moves);
/* NULL where there is none. Borrowed. */
const struct move_row *moves_find(const struct moves *moves, const char *name);

/* Whether a killed run may have left something of theirs half done: they are between the two versions. */
bool moves_is_between(enum update_state state);

/* Of the copies that runs needed, those of who is between two versions are needed still, and no other. In the caller's
 * transaction. */
DV_MUST_CHECK int moves_keep_copies(struct ledger *ledger, struct dv_error *err);

#define DV_AUTO_MOVES DV_CLEANUP(moves_done)

#endif
