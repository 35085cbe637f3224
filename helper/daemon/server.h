/* server.h - the two SOCK_SEQPACKET sockets: who is connected, and telling them.
 *
 * helper.sock is open to everybody, so it has a cap, a cap per uid and a token bucket per
 * connection; pam.sock is root's alone. A peer that says nothing, or does not read, is
 * dropped. Nothing is sent with a call that waits, and no more is kept for a peer than its
 * cursor and one packet.
 */
#ifndef DEVVM_DAEMON_SERVER_H
#define DEVVM_DAEMON_SERVER_H

#include "daemon/answer.h"
#include "daemon/daemon.h"

#define SERVER_MAX_HELPER 1024
#define SERVER_MAX_PAM 4096
#define SERVER_MAX_MORE_ROOT 64 /* of root's above either, so that nobody can lock it out */

struct server;

/* Serve the sockets (either may be -1), which stay the caller's. Release with
 * server_free(). */
DV_MUST_CHECK int server_new(struct server **ret_server, struct daemon *daemon, int pam_fd,
			     int helper_fd, struct dv_error *err);
void server_free(struct server *server);

/* Something changed for `user`; NULL or "": for everybody. Answers that wait are asked for
 * their next record. */
void server_kick(struct server *server, const char *user);
/* Pass a report on to whoever waits for its person. */
void server_progress(struct server *server, const struct answer_progress *progress);
/* Tell everybody concerned that a job ended, and ask them for their next record. */
void server_job_end(struct server *server, const struct queue_job *job, enum queue_outcome outcome,
		    const char *text);

unsigned int server_n_connections(const struct server *server);

#endif
