/* keeper.h - connections to people's servers that stay, and what is asked over them: is a session alive?
 *
 * Model: all on the loop, nothing blocks. A question takes a kept connection (line.h) of exactly that uid and port, or
 * a new one; who finds as many of their own at work as one person may have waits for one of them. Nobody waits behind
 * the slow server of somebody else.
 *
 * Invariants: a connection is used only while it is that same connection, for that uid and that port. One that
 * the peer closed, or sent a byte over unasked, is dropped. A kept one that ends before a byte of the
 * answer is replaced once, by a new one that is looked at as any: the question has no effect, so that it may
 * arrive twice. Connections and questions have a maximum, every question a deadline.
 */
#ifndef DEVVM_DISPATCH_KEEPER_H
#define DEVVM_DISPATCH_KEEPER_H

#include <systemd/sd-event.h>

#include "dispatch/pair.h"

#define KEEPER_MAX 256	     /* connections of all */
#define KEEPER_MAX_PERSON 16 /* of one */
#define KEEPER_MAX_ASKS 1024 /* under way or waiting */

/* Embedded by who asks, and theirs until `end` is called, once and from the loop. */
struct keeper_ask {
	struct pair_target target;
	const char *cookies; /* borrowed until the end: a Cookie header's value */
	/* 0 with a session (UNSET: an answer that is not known), or -errno with a sentence. */
	void (*end)(struct keeper_ask *ask, int r, enum t3_session session,
		    const struct dv_error *err);

	struct keeper_ask *next;
	int64_t deadline_ms;
};

struct keeper_line;

/* Zero-initialise and name the loop, which is borrowed. */
struct keeper {
	sd_event *event;
	sd_event_source *tick;
	struct keeper_line *first; /* the last used is the first */
	size_t n_lines, n_asks;
	struct keeper_ask *waiting, **last_waiting;
};

/* Ask /api/auth/session. May call `end` at once. */
void keeper_submit(struct keeper *keeper, struct keeper_ask *ask);
/* Closes what is kept, and ends what is under way with -ECANCELED. */
void keeper_done(struct keeper *keeper);

#endif
