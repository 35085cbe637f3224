/* watch.h - one run of the watchdog: what watch.c (everybody), watch_one.c (one person) and watch_tell.c (what is said)
 * share. */
#ifndef DEVVM_JOB_WATCH_H
#define DEVVM_JOB_WATCH_H

#include "config/config.h"
#include "ledger/moves.h"
#include "ledger/people.h"
#include "ledger/watches.h"
#include "move/copying.h"
#include "move/turn.h"
#include "move/watchdog.h"
#include "t3/alive.h"
#include "units/manager.h"

#define WATCH_UNIT_PREFIX "t3-serve@"
#define WATCH_TEXT_BYTES 512

struct watch {
	struct env env;
	struct config config;
	struct watchdog_rules rules;
	struct ledger *ledger;
	struct manager *manager;
	struct people people;
	struct watches watches;
	struct str_list running;	 /* units */
	const struct people_row **asked; /* of `people` */
	struct alive *servers;		 /* of `asked`, in its order */
	size_t n_asked;
	int64_t begin_until_ms; /* nobody's turn begins later */
};

/* One person, as far as they have come. */
struct watch_case {
	const struct people_row *person;
	struct alive *server;
	struct watchdog_seen seen;
	struct watch_row before;
	struct watch_row counted; /* with this fail, and nothing done about it */
	struct watch_row after;
	char why[TURN_WHY_BYTES]; /* they are busy */
	int lock_fd; /* their lock, while something is done; -1 when it is given back */
};

DV_MUST_CHECK int watch_remember(const struct watch *watch, const struct watch_row *before,
				 const struct watch_row *after, struct dv_error *err);
/* What is to be done about somebody who was asked, done. Negative with the sentence where it could not be. */
DV_MUST_CHECK int watch_look_at(const struct watch *watch, const struct people_row *person,
				struct alive *server, struct dv_error *err);

/* "" where there is nothing to say. */
void watch_describe(const struct watch *watch, const struct watch_case *it,
		    enum watchdog_action action, char ret_text[static WATCH_TEXT_BYTES]);
/* `failure`: what keeps it from being restarted; "" where it was. */
void watch_describe_restart(const struct watch_case *it, enum watchdog_action action,
			    const char *failure, const struct copying_result *copy,
			    char ret_text[static WATCH_TEXT_BYTES]);
/* In the journal, with the id of its kind, and as an event. */
DV_MUST_CHECK int watch_tell(const struct watch *watch, const char *user,
			     enum watchdog_action action, const char *text, struct dv_error *err);

#endif
