/* pairing.h - letting somebody in, and looking whether they still are.
 *
 * Single flight: of a person at most one pairing is under way, and all navigations that come meanwhile get
 * its outcome. Two browsers of one person that come in the same second so get the same session: both were
 * let in as this person by the proxy. A browser that keeps no cookie would be let in again with each
 * navigation, at 1.5 seconds and 250 MB each: PAIRING_MAX of a person within a minute.
 *
 * Who is who may change meanwhile. A session is one of that account and that server: nobody gets it whose identity
 * leads elsewhere by then, and their browser is sent to ask anew.
 */
#ifndef DEVVM_DISPATCH_PAIRING_H
#define DEVVM_DISPATCH_PAIRING_H

#include "dispatch/call.h"
#include "dispatch/keeper.h"
#include "dispatch/pair.h"
#include "dispatch/people.h"
#include "dispatch/work.h"

#define PAIRING_MAX 10
/* That wait for one: as many as nginx lets one person have (conf/nginx/devvm.conf). Those whose browser went away are
 * among them, and hold a connection to the end. */
#define PAIRING_MAX_CALLS 200

struct pairing;

/* `pool`, `keeper` and `people` are borrowed, and all stay for good. */
struct pairings {
	struct work_pool *pool;
	struct keeper *keeper;
	struct door_people *people;
	struct pairing *first;
};

/* Answers `call` with a redirect to its target and the cookies of a new session, or a page that says why
 * there is none. */
void pairings_join(struct pairings *pairings, const struct pair_target *target,
		   struct door_call *call);
/* Passes `call` on where their server takes its cookies for a session or cannot be asked; pairs where it
 * does not. */
void pairings_check(struct pairings *pairings, const struct pair_target *target,
		    struct door_call *call);

#endif
