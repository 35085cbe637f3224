/* front.h - the machine's own front door, as seen from this machine: is there one, and does it let somebody in?
 *
 * It is on where the administrator has linked or copied its configuration into nginx (conf/nginx/devvm.conf). What is
 * asked here goes the way of a browser behind the proxy: nginx, devvm-dispatch, a credential, the person's server. It
 * believes who brings the secret, and who comes by nginx's unix socket; the secret goes nowhere else than to the port
 * of this machine's loopback where that is needed. Blocks.
 */
#ifndef DEVVM_T3_FRONT_H
#define DEVVM_T3_FRONT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/env.h"
#include "base/secret.h"
#include "fetch/fetch.h"
#include "t3/front_listen.h"

#define FRONT_CONF "etc/nginx/conf.d/devvm.conf" /* below the root of struct env */
#define FRONT_SECRET "etc/devvm/door-secret"
#define FRONT_URL_BYTES 128

struct front {
	bool is_on;
	struct front_listen at;
	struct secret secret; /* the proxy's; empty: there is none, or not for this caller */
};

enum front_way {
	FRONT_WAY_NONE, /* it would believe nobody from here: no loopback address with a secret, no socket */
	FRONT_WAY_PORT,	  /* at.address, with the secret */
	FRONT_WAY_SOCKET, /* at.socket, without */
};

/* Where it cannot be read, with a sentence. Release with front_done(). */
DV_MUST_CHECK int front_find(const struct env *env, struct front *ret_front, struct dv_error *err);
void front_done(struct front *front);

/* The way by which somebody is let in from here: with the secret where it can be, else by the socket. */
enum front_way front_way(const struct front *front);
/* Where that way leads, for a sentence: "address 127.0.0.1:3780", "socket /run/…". */
#define FRONT_SHOWN_BYTES (FRONT_SOCKET_BYTES + 16)
const char *front_show(const struct front *front, enum front_way way,
		       char ret_shown[static FRONT_SHOWN_BYTES]);

/* Point a request that way, at `path`; it borrows `ret_url` and `front`. */
void front_aim(const struct front *front, enum front_way way, const char *path,
	       char ret_url[static FRONT_URL_BYTES], struct fetch_request *request);

/* -ECONNREFUSED, with a sentence, unless root (or the caller) listens there, as nginx does: whoever else got hold of that
 * port while nginx was down would be told the proxy's secret. Before each byte that goes there. */
DV_MUST_CHECK int front_require(const struct front *front, enum front_way way,
				struct dv_error *err);

/* A navigation of this identity by front_way(), up to a session: the Cookie header's value that lets them in. -EACCES
 * where it ends in anything else; -EOPNOTSUPP where there is no way. */
DV_MUST_CHECK int front_pair(const struct front *front, const char *identity, int64_t deadline_ms,
			     struct secret *ret_cookies, struct dv_error *err);

#define DV_AUTO_FRONT DV_CLEANUP(front_done)

#endif
