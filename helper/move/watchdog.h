/* watchdog.h - what is to be done about a t3 that does not answer. Pure; job/watch.c does it.
 *
 *	it answers	what was counted is forgotten
 *	grace		a server that became active just now is not judged
 *	fewer fails	wait: one more minute
 *	idle		restart it, with a checked copy of its database before that
 *	busy		raise an alert once; restart it when it has failed for as long as force_after
 *	foreign port	raise an alert once: a restart cannot get the port back
 *	a 4th restart	within half an hour: stand down, loudly and once, until it answers or somebody restarts it
 *
 * The number of restarts in half an hour holds whatever happens in between. A restart by somebody else begins the
 * count of fails anew. Times that lie in the future, because the clock was set, do not count; after
 * such a start the grace is one from the first fail on.
 */
#ifndef DEVVM_MOVE_WATCHDOG_H
#define DEVVM_MOVE_WATCHDOG_H

#include <stdbool.h>

#include "ledger/watches.h"
#include "t3/alive.h"

#define WATCHDOG_WINDOW_USEC (INT64_C(30) * 60 * 1000000) /* of WATCHES_MAX_RESTARTS */

struct watchdog_rules {
	unsigned int n_fails;
	int64_t grace_usec;
	int64_t force_after_usec; /* 0: never */
};

enum watchdog_turn {
	WATCHDOG_TURN_UNASKED,
	WATCHDOG_TURN_IDLE,
	WATCHDOG_TURN_BUSY,
};

struct watchdog_seen {
	int64_t now_usec, started_usec; /* since when their unit is active; wall time */
	enum alive_answer answer;
	enum watchdog_turn turn;
};

enum watchdog_action {
	WATCHDOG_NOTHING,
	WATCHDOG_ASK, /* whether they are at work, and decide again on the same row */
	WATCHDOG_ALERT,
	WATCHDOG_ALERT_FOREIGN,
	WATCHDOG_RESTART,
	WATCHDOG_FORCE, /* the same, and it ends an agent's work */
	WATCHDOG_STAND_DOWN,
	WATCHDOG_RECOVERED, /* it answers again, after an alert */
};

/* `ret_after` is what to remember, `before` what was (zeroed but for the name: nothing); they may be one. */
enum watchdog_action watchdog_decide(const struct watchdog_rules *rules,
				     const struct watchdog_seen *seen,
				     const struct watch_row *before, struct watch_row *ret_after);

/* What to remember of one that is not watched now: it does not run, or is on hold. */
struct watch_row watchdog_set_aside(const struct watch_row *before, int64_t now_usec);

/* Whether the same is remembered, of whomever. */
bool watchdog_is_same(const struct watch_row *a, const struct watch_row *b);
/* Whether there is nothing to remember. */
bool watchdog_is_blank(const struct watch_row *row);

#endif
