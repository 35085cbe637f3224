/* websocket.h - how a t3 server answers a handshake on /ws (RFC 6455, section 4). Blocks. */
#ifndef DEVVM_T3_WEBSOCKET_H
#define DEVVM_T3_WEBSOCKET_H

#include "t3/pairing.h"

/* The status of its answer, 101 where it is one of a WebSocket, to the Cookie header's value `cookies` (NULL: none).
 * The connection is closed then. -EBADMSG for what is no HTTP, -errno where nothing answers. */
DV_MUST_CHECK int t3_ask_websocket(const struct t3_server *server, const char *cookies,
				   int64_t deadline_ms, unsigned int *ret_status,
				   struct dv_error *err);

#endif
