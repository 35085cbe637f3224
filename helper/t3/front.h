/* front.h - the machine's own front door, as seen from this machine: is there one, and does it let somebody in?
 *
 * It is on where the administrator has linked its configuration into nginx (conf/nginx/devvm.conf). What is asked
 * here goes the way of a browser behind the proxy: nginx, devvm-dispatch, a credential, the person's server. Blocks.
 */
#ifndef DEVVM_T3_FRONT_H
#define DEVVM_T3_FRONT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/env.h"
#include "base/secret.h"

#define FRONT_CONF "etc/nginx/conf.d/devvm.conf" /* below the root of struct env */
#define FRONT_ADDRESS_BYTES 128

struct front {
	bool is_on;
	char address[FRONT_ADDRESS_BYTES]; /* "127.0.0.1:3780"; "": it has none that can be asked */
	struct secret secret; /* the proxy's; empty: there is none, or not for this caller */
};

/* Where it cannot be read, with a sentence. Release with front_done(). */
DV_MUST_CHECK int front_find(const struct env *env, struct front *ret_front, struct dv_error *err);
void front_done(struct front *front);

/* -ECONNREFUSED, with a sentence, unless root (or the caller) listens at its address, as nginx does: whoever else got hold of that port
 * while nginx was down would be told the proxy's secret. Before each byte that goes there. */
DV_MUST_CHECK int front_require(const struct front *front, struct dv_error *err);

/* A navigation of this identity, up to a session: the Cookie header's value that lets them in. -EACCES where it
 * ends in anything else. */
DV_MUST_CHECK int front_pair(const struct front *front, const char *identity, int64_t deadline_ms,
			     struct secret *ret_cookies, struct dv_error *err);

#define DV_AUTO_FRONT DV_CLEANUP(front_done)

#endif
