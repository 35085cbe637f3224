/* move.h - one person from one version of t3 to another, and back.
 *
 *	held      nothing of theirs starts; their agents were asked for once more while they stood still; it stops
 *	copied    a checked copy of their database, which nothing of theirs can reach
 *	pointed   their pointer names the new version; the hold goes
 *	soaking   it runs, says its version, lets them in; and does so for update.soak seconds
 *	moved     it is theirs
 *
 * Each state is in the ledger before the thing is done (ledger/moves.h), and move_back() leads back from any of
 * them: hold, stop, pointer, and their database as it was where its migration level is another now. The order is
 * what keeps a newer database from an older t3 and the other way round: under the hold neither runs. A working
 * agent is never killed: whoever is at work, or cannot be told from that, is left for later. What the version is to
 * blame for is a state of its own (`failed`) before it is undone. A
 * boot sets the hold again for whom it finds between (job/hold.c), and move_recover() releases it; one that is not the
 * move's own outlives it (move/between.h).
 */
#ifndef DEVVM_MOVE_MOVE_H
#define DEVVM_MOVE_MOVE_H

#include "config/config.h"
#include "ledger/moves.h"
#include "ledger/people.h"
#include "move/turn.h"
#include "move/worked.h"
#include "units/manager.h"

struct mover {
	const struct env *env;
	const struct config *config;
	struct ledger *ledger;
	struct manager *manager;
	int64_t run; /* whose journal it goes into */
};

enum move_outcome {
	MOVE_UNSET,
	MOVE_MOVED,
	MOVE_DEFERRED, /* they are at work, nobody answers at the front door, systemd starts nothing, or their port is
			  another's */
	MOVE_EXCLUDED, /* their own trouble: no copy, the old version does not let them in either, or they have left */
	MOVE_FAILED, /* the new version does not do, the old one does: they are back */
	MOVE_STUCK, /* it does not do, and they are not back: they are held, and `err` says what keeps them */
	MOVE_HALTED, /* the same, and not the version is to blame */
};

/* Move them to `to`. What was done is in `ret_row`, its reason says why. Negative where the machine fails (ledger,
 * disk, systemd): the row says how far it came, and move_recover() goes on from it. Blocks for as long as a copy, a
 * migration and the soak take. */
DV_MUST_CHECK int move_person(const struct mover *mover, const struct people_row *person,
			      const char *to, enum move_outcome *ret_outcome,
			      struct move_row *ret_row, struct dv_error *err);

/* The old version, for somebody with whom the new one failed for the reason `why` and who is back: MOVE_FAILED, or
 * MOVE_EXCLUDED where it does not let them in either, for then it is not the new one's fault. Blocks like a start and
 * a pairing. */
DV_MUST_CHECK int move_try_old(const struct mover *mover, const struct people_row *person,
			       struct move_row *row, const char *why,
			       enum move_outcome *ret_outcome, struct dv_error *err);

/* Back to row->from, from whatever state; ends in UPDATE_STATE_BACK. `row` follows. */
DV_MUST_CHECK int move_back(const struct mover *mover, struct move_row *row, const char *why,
			    struct dv_error *err);

/* The same of somebody who was moved, unless they have worked with the version since, or may be at work with it now
 * (move/worked.h): then nothing of theirs is touched, and `ret_keeps` says what keeps them; it is "" else. */
DV_MUST_CHECK int move_back_idle(const struct mover *mover, struct move_row *row, const char *why,
				 enum worked *ret_worked, char ret_keeps[static TURN_WHY_BYTES],
				 struct dv_error *err);

/* After a kill: somebody between two versions gets the new one where it had let them in before and does now, else
 * the old one. Nothing where they are not between. */
DV_MUST_CHECK int move_recover(const struct mover *mover, const struct people_row *person,
			       struct move_row *row, struct dv_error *err);

#endif
