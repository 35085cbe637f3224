/* fuzz_fcgi.c - any bytes as what nginx sends: refused in one line, or a request that is decided.
 * Corpus: corpus/fcgi. */
#include <stdint.h>
#include <string.h>

#include "base/str.h"
#include "dispatch/fcgi.h"
#include "dispatch/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

static void insist(bool holds)
{
	if (!holds)
		abort();
}

static void decide(const struct fcgi *fcgi)
{
	static const struct secret secret = { .text = (char *)"secret", .n_bytes = 6 };
	static const struct door_people nobody;
	struct route route = { 0 };
	DV_AUTO_FREE char *cookies = NULL;

	route_decide(fcgi, &nobody, &secret, &route);
	insist(route.kind != ROUTE_UNSET && route.target[0] == '/' && route.target[1] != '/');
	cookies = route_session_cookies(fcgi_get(fcgi, "HTTP_COOKIE"));
	insist(!cookies || str_starts_with(cookies, "t3") || str_starts_with(cookies, "__"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
	static struct fcgi fcgi;
	struct dv_error err = { 0 };
	size_t at = 0;

	while (at < n_bytes) {
		size_t n_used = 0;
		int r = fcgi_feed(&fcgi, data + at, n_bytes - at, &n_used, &err);

		at += n_used;
		if (r < 0) {
			insist(*err.text && !str_has_control(err.text));
			break;
		}
		if (r == 1) {
			decide(&fcgi);
			fcgi_next(&fcgi);
		}
	}
	fcgi_done(&fcgi);
	return 0;
}
