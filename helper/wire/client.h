/* client.h - the asking end of a socket.
 *
 * Never blocks past the deadline it is given, changes no signal disposition and
 * needs no heap, so that it may run inside another program's process (sshd, login).
 */
#ifndef DEVVM_WIRE_CLIENT_H
#define DEVVM_WIRE_CLIENT_H

#include <stdint.h>

#include "wire/record.h"

/* Connect to a SOCK_SEQPACKET socket and make sure that uid 0 listens there.
 * Returns an fd, or -errno: -ENOENT / -ECONNREFUSED nobody there, -ETIMEDOUT the
 * queue stayed full, -EPERM the listener is not root. */
DV_MUST_CHECK int client_connect(const char *path, int64_t deadline_ms, struct dv_error *err);

/* Send what was written. -EMSGSIZE / -EINVAL when the record is not whole. */
DV_MUST_CHECK int client_send(int fd, const struct record_writer *writer, int64_t deadline_ms,
			      struct dv_error *err);

/* Receive one record. -ETIMEDOUT at the deadline, -ECONNRESET when the peer closed,
 * -EBADMSG when what came is no record. */
DV_MUST_CHECK int client_receive(int fd, struct record *record, int64_t deadline_ms,
				 struct dv_error *err);

#endif
