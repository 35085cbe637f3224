/* call.h - one request that waits for its answer.
 *
 * Whoever serves a connection embeds it; `reply` is called once, at once or later. call_*() make the
 * answer and release what the door kept with the call.
 */
#ifndef DEVVM_DISPATCH_CALL_H
#define DEVVM_DISPATCH_CALL_H

#include <stddef.h>

struct door_call {
	/* Takes `text` (newly allocated; NULL: memory is short). */
	void (*reply)(struct door_call *call, char *text, size_t n_bytes);
	struct door_call *next;		   /* of whoever keeps it waiting */
	char *identity, *target, *cookies; /* the door's own */
};

/* Takes `text`, NULL for want of memory. */
void call_reply(struct door_call *call, char *text, size_t n_bytes);
/* nginx hands the request to the person's server, or to their terminal. */
void call_pass(struct door_call *call);
void call_pass_to_terminal(struct door_call *call);
/* A page, with `retry` (a path, or NULL) to try again. */
void call_message(struct door_call *call, unsigned int status, const char *title, const char *text,
		  const char *retry);
/* Plain text, for what is no navigation. */
void call_plain(struct door_call *call, unsigned int status, const char *text);

#endif
