/* web.h - one GET with a bearer token, into memory.
 *
 * http and https alone; no redirect is followed, so the token goes to the host that was
 * configured and to no other. The token is in no argv and no message.
 */
#ifndef DEVVM_AGENT_WEB_H
#define DEVVM_AGENT_WEB_H

#include <stdint.h>

#include "base/secret.h"

/* The body of a 200. -ENODATA: another status; -EFBIG: above `max_bytes`; -ETIMEDOUT; -EIO. */
DV_MUST_CHECK int web_get(const char *url, const struct secret *bearer, size_t max_bytes,
			  int64_t deadline_ms, struct secret *ret_body, struct dv_error *err);

#endif
