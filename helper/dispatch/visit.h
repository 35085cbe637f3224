/* visit.h - a visit to a server that does not run: it is started meanwhile, and the browser waits on a page.
 *
 * Single flight: of a person at most one visit to their server, and one to their terminal, is under way. Its outcome is told for a minute: to the page,
 * which asks once a second, and once to a navigation for each page that has heard so; the next begins anew. The
 * helper's records arrive on a thread of the pool.
 */
#ifndef DEVVM_DISPATCH_VISIT_H
#define DEVVM_DISPATCH_VISIT_H

#include "dispatch/call.h"
#include "dispatch/pair.h"
#include "dispatch/work.h"

struct visit;

/* `pool` is borrowed, and both stay for good. */
struct visits {
	struct work_pool *pool;
	struct visit *first;
	size_t n_visits;
};

/* Answers a navigation with the page that waits, or with why their server could not be started. */
void visits_wait(struct visits *visits, const struct pair_target *target, struct door_call *call);
/* Answers with what the visit of `user` is at, as JSON: `state` running, ready or failed, `text` and
 * `steps`. Without a visit it is ready: the page asks anew. */
void visits_progress(struct visits *visits, const char *user, enum pair_what what,
		     struct door_call *call);

#endif
