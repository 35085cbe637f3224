/* connection.h - one peer: a request at a time, its answer, its limits. Internal to
 * server.c. */
#ifndef DEVVM_DAEMON_CONNECTION_H
#define DEVVM_DAEMON_CONNECTION_H

#include <sys/queue.h>

#include "daemon/answer.h"
#include "daemon/daemon.h"

#define CONNECTION_BURST 100	    /* requests at once */
#define CONNECTION_PER_SECOND 50    /* requests after that */
#define CONNECTION_IDLE_MS 10000    /* without a complete request */
#define CONNECTION_BLOCKED_MS 30000 /* with an answer that the peer does not read */
#define CONNECTION_LOGIN_MS 60000   /* a login that waits; its module gave up long before */

struct connection;

struct connection_list {
	TAILQ_HEAD(, connection) head;
	unsigned int n;
};

struct connection {
	TAILQ_ENTRY(connection) in_list;
	struct connection_list *list;
	struct daemon *daemon;
	int fd;
	uid_t uid;
	enum proto_socket socket;
	sd_event_source *source;
	uint32_t interest;     /* what `source` waits for */
	struct answer *answer; /* NULL between requests */
	char *stash;	       /* the packet that the peer could not take; NULL for none */
	size_t n_stash;
	bool closing; /* behind the stash */
	bool paused;  /* asked too often: not read until the next tick */
	unsigned int n_tokens;
	int64_t tokens_at_ms;
	int64_t since_ms; /* idle or answering, or the last time the peer took something */
};

/* Serve an accepted fd; takes it on success. The connection joins `list`, and leaves it
 * when it closes, by itself or by connection_close(). */
DV_MUST_CHECK int connection_new(struct connection_list *list, struct daemon *daemon, int fd,
				 uid_t uid, enum proto_socket socket, struct dv_error *err);
void connection_close(struct connection *connection);

/* Write as much of the answer as there is and the peer takes. May close it. */
void connection_pump(struct connection *connection);

/* Once a second: time limits, and reading again after a pause. May close it. */
void connection_tick(struct connection *connection, int64_t now_ms);

#endif
