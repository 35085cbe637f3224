/* request.h - from the bytes of a packet to an answer: parse, hold against the table, work
 * out the roles, decide, call the verb's handler. Nothing a peer sends gets past here
 * unchecked, and nothing in here knows about sockets. */
#ifndef DEVVM_DAEMON_REQUEST_H
#define DEVVM_DAEMON_REQUEST_H

#include "daemon/answer.h"
#include "daemon/daemon.h"

/* A request that may be answered. All borrowed for the length of the handler's call. */
struct request {
	const struct record *record;
	const struct proto_row *row;
	const char *user; /* a valid user name; NULL when not given */
	uid_t uid;	  /* the peer's */
	unsigned int roles;
};

struct request_peer {
	uid_t uid;
	enum proto_socket socket;
};

/* Answer a packet. Either `reply` holds the whole answer and NULL is returned, or the
 * answer is the caller's to drive and to free. `ret_close` tells that the peer does not
 * speak our language and the connection is to be closed behind the reply. */
struct answer *request_handle(struct daemon *daemon, const struct request_peer *peer,
			      const void *bytes, size_t n_bytes, struct record_writer *reply,
			      bool *ret_close);

#endif
