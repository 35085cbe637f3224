/* door.h - what happens to a request: the decision, and what it waits for.
 *
 * Model: whoever serves a connection calls door_ask() with a whole request, and `reply` is called once, at
 * once or later, with a CGI answer. Single flight: per person at most one pairing and one visit is under
 * way, and all navigations that come meanwhile get its outcome. Two browsers of one person that come in
 * the same second so get the same session: both were let in as this person by the proxy. A check that
 * cannot be made lets the request through.
 */
#ifndef DEVVM_DISPATCH_DOOR_H
#define DEVVM_DISPATCH_DOOR_H

#include "base/secret.h"
#include "dispatch/fcgi.h"
#include "dispatch/people.h"
#include "dispatch/work.h"

struct door_call {
	/* Takes `text` (newly allocated; NULL: memory is short). */
	void (*reply)(struct door_call *call, char *text, size_t n_bytes);
	struct door_call *next; /* the door's own */
	char *target, *cookies;
};

struct door_pairing;
struct door_visit;

struct door {
	int root_fd;
	const char *helper_path;
	struct secret secret;
	struct door_people people;
	struct work_pool *pool;
	struct door_pairing *pairings;
	struct door_visit *visits;
	size_t n_visits;
};

/* `call` stays until its reply. */
void door_ask(struct door *door, const struct fcgi *request, struct door_call *call);

#endif
