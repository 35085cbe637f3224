/* listener_diag.h - the listening sockets of a port, asked of the kernel directly.
 *
 * sock_diag(7): one dump of listening sockets alone. /proc/net/tcp, which says the same, walks every
 * connection of the machine, which is milliseconds for each question and grows with what anybody opens.
 */
#ifndef DEVVM_DISPATCH_LISTENER_DIAG_H
#define DEVVM_DISPATCH_LISTENER_DIAG_H

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct listener_row {
	int family;	     /* AF_INET, AF_INET6 */
	uint8_t address[16]; /* the first four of AF_INET */
	uid_t uid;
};

/* Call `each` with every socket that listens on the TCP port. -ENOENT: this kernel cannot be asked so. */
DV_MUST_CHECK int listener_diag(uint16_t port,
				void (*each)(void *context, const struct listener_row *row),
				void *context, struct dv_error *err);

#endif
