/* listen.h - which of the inherited descriptors is which socket (sd_listen_fds(3)). */
#ifndef DEVVM_DAEMON_LISTEN_H
#define DEVVM_DAEMON_LISTEN_H

#include "daemon/daemon.h"

/* Told apart by the last part of their address and their type. -ENOTCONN when none was
 * passed, which is what happens to somebody who starts the program by hand; -EINVAL for
 * one that is not ours. A socket that is missing is logged and left out. */
DV_MUST_CHECK int listen_take(struct daemon_sockets *ret_sockets, struct dv_error *err);

#endif
