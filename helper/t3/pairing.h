/* pairing.h - what is asked of a t3 server over HTTP: its version, a session, and how one comes to be.
 *
 * The one place that knows the handshake; the front door and the gate both go through it. A cookie is
 * relayed as it came, whatever its name: that is the server's affair. Nothing of a credential or a
 * cookie is logged or put into a sentence. Blocks.
 * Sources: t3's /.well-known/t3/environment, /api/auth/session, /api/auth/browser-session and, where
 * that answers 404 (versions up to 0.0.24), /api/auth/bootstrap.
 */
#ifndef DEVVM_T3_PAIRING_H
#define DEVVM_T3_PAIRING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/secret.h"
#include "base/str.h"

struct t3_server {
	const char *host; /* an IPv4 address */
	uint16_t port;
	/* Asked before a byte goes there; negative, with a sentence: it does not go. May be NULL. */
	int (*may_ask)(void *context, struct dv_error *err);
	void *context;
};

enum t3_session {
	T3_SESSION_UNSET, /* the answer was none that is known */
	T3_SESSION_ALIVE,
	T3_SESSION_DEAD,
};

#define T3_VERSION_SAID_BYTES 65

/* Its serverVersion; "" where the answer has none that is printable ASCII. -errno where nothing answers. */
DV_MUST_CHECK int t3_ask_version(const struct t3_server *server, int64_t deadline_ms,
				 char ret_version[static T3_VERSION_SAID_BYTES],
				 struct dv_error *err);

/* What a body that T3_SESSION_PATH answered with says. */
#define T3_SESSION_PATH "/api/auth/session"
enum t3_session t3_read_session(const char *body, size_t n_bytes);

/* Whether it takes these cookies, a Cookie header's value, for a session. */
DV_MUST_CHECK int t3_ask_session(const struct t3_server *server, const char *cookies,
				 int64_t deadline_ms, enum t3_session *ret_session,
				 struct dv_error *err);

/* A session for a credential: the values of each Set-Cookie, and which of t3's paths gave it (static).
 * *ret_fallback: whether the first was not there. -EACCES, -EBADMSG with a sentence. */
DV_MUST_CHECK int t3_exchange(const struct t3_server *server, const char *credential,
			      int64_t deadline_ms, struct str_list *ret_cookies,
			      const char **ret_path, bool *ret_fallback, struct dv_error *err);

/* A Cookie header's value of what Set-Cookie said: "a=1; b=2". -EBADMSG where one has no name. */
DV_MUST_CHECK int t3_cookie_header(const struct str_list *set_cookies, struct secret *ret_cookies,
				   struct dv_error *err);

#endif
