/* worked.h - whether somebody has worked with the version that they were moved to, for whoever wants them back.
 *
 * Their old database would take that work from them. Worked is: their database says so since row->moved_usec, or an
 * agent of theirs is in the midst of a turn. A version may break or rename what says so; then it cannot be told, and
 * what counts is whether an agent's process is there: where none is nobody's work is ended, and what is there goes
 * aside and is not lost.
 */
#ifndef DEVVM_MOVE_WORKED_H
#define DEVVM_MOVE_WORKED_H

#include "ledger/moves.h"
#include "move/turn.h"

enum worked {
	WORKED_UNSET,
	WORKED_NO,
	WORKED_YES,
	WORKED_UNTOLD,
};

enum worked_agent {
	WORKED_AGENT_UNTOLD, /* their processes cannot be read */
	WORKED_AGENT_NONE,
	WORKED_AGENT_THERE,
};

struct worked_seen {
	bool is_known; /* their database could be looked at: the next three count */
	int64_t moved_usec, worked_usec;
	unsigned int n_turns; /* in flight, begun since their t3 started */
	enum worked_agent agent;
};

/* Pure. */
enum worked worked_judge(const struct worked_seen *seen);
/* Whether they may go back all the same. Pure. */
bool worked_may_go_back(const struct worked_seen *seen);

/* `ret_why` says what keeps them where they may not go back. The caller holds their lock. Blocks like look_run(). */
void worked_look(const struct env *env, struct manager *manager, const struct move_row *row,
		 struct worked_seen *ret_seen, char ret_why[static TURN_WHY_BYTES]);

#endif
