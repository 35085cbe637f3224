/* knock.h - the datagrams that pam_devvm sends behind a login: a user name each, from root
 * alone. Whoever is due gets a home job; everything else is dropped without a word. */
#ifndef DEVVM_DAEMON_KNOCK_H
#define DEVVM_DAEMON_KNOCK_H

#include "daemon/daemon.h"

struct knock;

/* Listen on `fd` (-1: nowhere), which stays the caller's. */
DV_MUST_CHECK int knock_new(struct knock **ret_knock, struct daemon *daemon, int fd,
			    struct dv_error *err);
void knock_free(struct knock *knock);

#endif
