/* route.c - see route.h. */
#include "dispatch/route.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

#define OUR_COOKIE                                                                                 \
	"t3" /* how the names of t3's cookies begin: it has renamed its session's more than once */

const char *route_safe_target(const char *uri)
{
	if (!uri || uri[0] != '/' || uri[1] == '/')
		return "/";
	for (const char *c = uri; *c; c++) {
		/* A browser takes a backslash for a slash. */
		if (*c <= ' ' || *c > '~' || *c == '\\')
			return "/";
	}
	return uri;
}

bool route_equal_secret(const char *a, size_t n_a, const char *b, size_t n_b)
{
	volatile unsigned char differs = n_a != n_b;

	if (n_b == 0)
		return false;
	for (size_t i = 0; i < n_a; i++)
		differs |= (unsigned char)((unsigned char)a[i] ^ (unsigned char)b[i % n_b]);
	return !differs;
}

/* Returns behind what it wrote. */
static char *append(char *to, const char *bytes, size_t n_bytes)
{
	memcpy(to, bytes, n_bytes);
	return to + n_bytes;
}

/* RFC 6265bis, 4.1.3: what a server may put before a name. */
static bool is_of_t3(const char *name)
{
	static const char *const prefixes[] = { "__Host-", "__Secure-" };

	for (size_t i = 0; i < DV_COUNT(prefixes); i++) {
		if (str_starts_with(name, prefixes[i]))
			return str_starts_with(name + strlen(prefixes[i]), OUR_COOKIE);
	}
	return str_starts_with(name, OUR_COOKIE);
}

/* How long the header is does not matter: whoever is in front of the door has cookies of its own. */
char *route_session_cookies(const char *header)
{
	size_t n_kept = 0;
	char *found, *end;

	if (!header)
		return NULL;
	/* "a;b" becomes "a; b" */
	found = end = calloc(1, strlen(header) * 2 + 3);
	for (const char *c = header; found && *c && n_kept < ROUTE_MAX_COOKIES;
	     c += strspn(c, ";")) {
		size_t n;

		c += strspn(c, " \t");
		n = strcspn(c, ";");
		if (is_of_t3(c) && memchr(c, '=', n)) {
			if (n_kept++ > 0)
				end = append(end, "; ", 2);
			end = append(end, c, n);
		}
		c += n;
	}
	if (found && n_kept == 0) {
		free(found);
		return NULL;
	}
	return found;
}

static bool is_trusted(const struct fcgi *request, const struct secret *secret)
{
	const char *listener = fcgi_get(request, "DEVVM_LISTENER");
	const char *said = fcgi_get(request, "HTTP_X_DEVVM_PROXY_SECRET");

	if (listener && str_starts_with(listener, "unix:"))
		return true;
	return said && fcgi_count(request, "HTTP_X_DEVVM_PROXY_SECRET") == 1 &&
	       route_equal_secret(said, strlen(said), secret->text, secret->n_bytes);
}

static bool names_ours(const char *connection)
{
	return connection &&
	       (strcasestr(connection, "authentik") || strcasestr(connection, "devvm"));
}

/* false: no word that an identity could be. */
static bool read_identity(const char *value, char ret_identity[static ROUTE_IDENTITY_BYTES])
{
	size_t n = strcspn(value, "@");

	if (n == 0 || n >= ROUTE_IDENTITY_BYTES || (value[n] && strchr(value + n + 1, '@')))
		return false;
	for (const char *c = value; *c; c++) {
		if (*c <= ' ' || *c > '~' || strchr(",;\"'<>\\&", *c))
			return false;
	}
	memcpy(ret_identity, value, n);
	ret_identity[n] = '\0';
	return true;
}

static bool is_navigation(const struct fcgi *request)
{
	const char *dest = fcgi_get(request, "HTTP_SEC_FETCH_DEST");
	const char *method = fcgi_get(request, "REQUEST_METHOD");
	const char *accept = fcgi_get(request, "HTTP_ACCEPT");

	/* A WebSocket's handshake is a GET, too. */
	if (!str_equal(method, "GET") || fcgi_get(request, "HTTP_UPGRADE"))
		return false;
	return dest ? strcmp(dest, "document") == 0 : accept && strstr(accept, "text/html");
}

static const enum route_kind AWAY[] = {
	[DOOR_HERE] = ROUTE_UNSET,
	[DOOR_PARKED] = ROUTE_PARKED,
	[DOOR_LEFT] = ROUTE_LEFT,
};

static enum route_kind identify(const struct fcgi *request, const struct door_people *people,
				const struct secret *secret, struct route *route)
{
	const char *value = fcgi_get(request, "HTTP_X_AUTHENTIK_USERNAME");

	if (!is_trusted(request, secret))
		return ROUTE_UNTRUSTED;
	if (!value || !*value)
		return ROUTE_NOBODY;
	if (fcgi_count(request, "HTTP_X_AUTHENTIK_USERNAME") != 1 ||
	    names_ours(fcgi_get(request, "HTTP_CONNECTION")) ||
	    !read_identity(value, route->identity))
		return ROUTE_BAD;
	route->person = door_people_find(people, route->identity);
	if (!route->person)
		return ROUTE_UNKNOWN;
	return AWAY[route->person->away];
}

/* What of the door's own the request is about, if it is. */
static void find_place(struct route *route)
{
	const char *target = route->target;
	bool is_status =
		str_equal(target, ROUTE_STATUS_PATH) || str_equal(target, ROUTE_STATUS_JSON_PATH);

	route->is_of_terminal = str_starts_with(target, ROUTE_TERMINAL_FOLDER) ||
				str_equal(target, ROUTE_TERMINAL_PROGRESS_PATH);
	if (is_status)
		route->kind = route->person->is_admin ? ROUTE_STATUS : ROUTE_NO_ADMIN;
	else if (str_equal(target, ROUTE_PROGRESS_PATH) ||
		 str_equal(target, ROUTE_TERMINAL_PROGRESS_PATH))
		route->kind = ROUTE_PROGRESS;
	else if (route->is_of_terminal)
		route->kind = ROUTE_TERMINAL;
}

static bool has_session(const struct fcgi *request)
{
	DV_AUTO_SECRET struct secret cookies = { .text = route_session_cookies(
							 fcgi_get(request, "HTTP_COOKIE")) };

	cookies.n_bytes = cookies.text ? strlen(cookies.text) : 0;
	return cookies.text;
}

void route_decide(const struct fcgi *request, const struct door_people *people,
		  const struct secret *secret, struct route *ret_route)
{
	const char *uri = fcgi_get(request, "REQUEST_URI");
	struct route route = { .target = route_safe_target(uri),
			       .is_navigation = is_navigation(request),
			       .is_socket = fcgi_get(request, "HTTP_UPGRADE") != NULL };

	if (uri && strcmp(uri, "/healthz") == 0)
		route.kind = ROUTE_HEALTH;
	else
		route.kind = identify(request, people, secret, &route);
	if (route.kind == ROUTE_UNSET)
		find_place(&route);
	if (route.kind == ROUTE_UNSET)
		route.kind = !route.is_navigation   ? ROUTE_PASS
			     : has_session(request) ? ROUTE_CHECK
						    : ROUTE_PAIR;
	*ret_route = route;
}
