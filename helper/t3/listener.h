/* listener.h - whose is a loopback port, or a unix socket?
 *
 * Any local user may listen on a port that is another's while it is free, so before a byte is sent the
 * kernel is asked who listens there (sock_diag(7); /proc/net/tcp would have every connection of the machine in it).
 */
#ifndef DEVVM_T3_LISTENER_H
#define DEVVM_T3_LISTENER_H

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

enum listener {
	LISTENER_UNSET,
	LISTENER_NONE,
	LISTENER_OWN,
	LISTENER_FOREIGN, /* somebody else's */
};

/* Who would answer 127.0.0.1:port. Cheap where it is theirs. */
DV_MUST_CHECK int listener_look(uint16_t port, uid_t uid, enum listener *ret_listener,
				struct dv_error *err);
/* The same for [::1]:port. */
DV_MUST_CHECK int listener_look_six(uint16_t port, uid_t uid, enum listener *ret_listener,
				    struct dv_error *err);
/* Who listens on the unix socket of that absolute path: whoever called listen(2), says unix(7) of SO_PEERCRED, whoever
 * the file belongs to. A connection is made, and closed without a byte. Blocks, up to 2 s. */
DV_MUST_CHECK int listener_look_socket(const char *path, uid_t uid, enum listener *ret_listener,
				       struct dv_error *err);
/* -ECONNREFUSED, with a sentence, unless it is `user`, of that uid, and nobody besides. */
DV_MUST_CHECK int listener_require(uint16_t port, uid_t uid, const char *user,
				   struct dv_error *err);
/* Whether the socket of `user`'s web terminal is there. systemd makes it, root's, in a folder of root's
 * (units/ttyd@.socket), and takes it away when it listens no more. */
DV_MUST_CHECK int listener_look_terminal(int root_fd, const char *user, enum listener *ret_listener,
					 struct dv_error *err);

#endif
