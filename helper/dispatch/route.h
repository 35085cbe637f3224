/* route.h - from a request to what is done with it. Pure.
 *
 * The identity is believed of a trusted sender alone: one that came in by the unix socket of nginx, or
 * that knows the secret. Then it must be there exactly once, be one word, and not be named in
 * `Connection:`; its domain, if it has one, is left out. Only a document navigation is ever redirected
 * or answered with a page of ours; all else is for the person's server to answer.
 */
#ifndef DEVVM_DISPATCH_ROUTE_H
#define DEVVM_DISPATCH_ROUTE_H

#include "base/secret.h"
#include "dispatch/fcgi.h"
#include "dispatch/people.h"

enum route_kind {
	ROUTE_UNSET,
	ROUTE_HEALTH,
	ROUTE_UNTRUSTED, /* 403: not from the proxy */
	ROUTE_BAD,	 /* 400: an identity that is none, or several */
	ROUTE_NOBODY,	 /* 403: no identity */
	ROUTE_UNKNOWN,	 /* 403: nobody on the roster */
	ROUTE_PARKED,	 /* 403 */
	ROUTE_LEFT,	 /* 403 */
	ROUTE_STATUS,	 /* the status page, for an administrator */
	ROUTE_NO_ADMIN,	 /* 403: the status page, for anybody else */
	ROUTE_PROGRESS,	 /* what their visit is at, as JSON */
	ROUTE_TERMINAL,	 /* to their web terminal, whatever it is that is asked for there */
	ROUTE_PASS,	 /* to their server as it is */
	ROUTE_CHECK,	 /* a navigation with a session: look whether it lives */
	ROUTE_PAIR,	 /* a navigation without one */
};

#define ROUTE_PROGRESS_PATH "/devvm/progress"
#define ROUTE_TERMINAL_PROGRESS_PATH "/devvm/progress?terminal"
#define ROUTE_TERMINAL_FOLDER "/terminal/"
#define ROUTE_STATUS_PATH "/devvm/"
#define ROUTE_STATUS_JSON_PATH "/devvm/status.json"
#define ROUTE_IDENTITY_BYTES 256

struct route {
	enum route_kind kind;
	char identity[ROUTE_IDENTITY_BYTES];
	const struct door_person *person; /* borrowed; of STATUS and below */
	bool is_navigation;
	bool is_socket;	     /* the opening of a WebSocket */
	bool is_of_terminal; /* PROGRESS, TERMINAL */
	const char *target;  /* of their request, safe to redirect to; borrowed from it */
};

/* `secret` may be empty: then only the unix socket is trusted. */
void route_decide(const struct fcgi *request, const struct door_people *people,
		  const struct secret *secret, struct route *ret_route);

/* `uri` where a browser takes it for a path of the same origin, else "/". */
const char *route_safe_target(const char *uri);

/* Whether `a` and `b` are equal, in a time that tells of the length of `a` alone. */
bool route_equal_secret(const char *a, size_t n_a, const char *b, size_t n_b);

#define ROUTE_MAX_COOKIES 8 /* as conf/nginx/devvm.conf has it */

/* Those cookies of a Cookie: header that are t3's (their names begin with t3), ROUTE_MAX_COOKIES at most, newly
 * allocated; NULL: none. */
char *route_session_cookies(const char *header);

#endif
