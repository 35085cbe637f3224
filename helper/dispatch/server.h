/* server.h - the connections of nginx: who may open one, how many there are, how long one may dawdle.
 *
 * What comes when as many as may be are there is answered 503, with a page, and not decided on; what comes in
 * a crowd of those is closed.
 */
#ifndef DEVVM_DISPATCH_SERVER_H
#define DEVVM_DISPATCH_SERVER_H

#include <sys/types.h>
#include <systemd/sd-event.h>

#include "dispatch/door.h"

struct connection;

struct dispatch_server {
	struct door *door;
	uid_t nginx_uid; /* besides root */
	size_t n_connections;
	sd_event *event;
	struct connection *first;
	sd_event_source *sweep;
};

/* Serve who connects to the listening socket `fd`, which is taken. */
DV_MUST_CHECK int dispatch_server_start(struct dispatch_server *server, int fd,
					struct dv_error *err);

#endif
