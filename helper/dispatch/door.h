/* door.h - what happens to a request: the decision, and what it waits for.
 *
 * Model: whoever serves a connection calls door_ask() with a whole request, and its call is answered once, at
 * once or later, with a CGI answer. A check that cannot be made lets the request through.
 */
#ifndef DEVVM_DISPATCH_DOOR_H
#define DEVVM_DISPATCH_DOOR_H

#include "base/secret.h"
#include "dispatch/call.h"
#include "dispatch/fcgi.h"
#include "dispatch/pairing.h"
#include "dispatch/people.h"
#include "dispatch/status_ask.h"
#include "dispatch/visit.h"

struct door {
	int root_fd;
	const char *helper_path;
	struct secret secret;
	struct door_people people;
	struct dv_error said; /* why nobody is known, as it was logged; "" where they are */
	struct keeper keeper;
	struct pairings pairings;
	struct visits visits;
	struct status_ask status;
};

/* `call` stays until its reply. */
void door_ask(struct door *door, const struct fcgi *request, struct door_call *call);

#endif
