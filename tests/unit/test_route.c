/* test_route.c - who is believed, what is a navigation, where one may be sent, which cookies are t3's. */
#include "scratch.h"

#include "dispatch/route.h"
#include "roster/roster_words.h"

static struct door_person PEOPLE[] = {
	{ .identity = (char *)"anna", .user = (char *)"anna", .port = 3773 },
	{ .identity = (char *)"gone", .away = DOOR_LEFT },
	{ .identity = (char *)"park", .user = (char *)"park", .port = 3774, .away = DOOR_PARKED },
	{ .identity = (char *)"root", .user = (char *)"root1", .port = 3775, .is_admin = true },
};
static const struct door_people ALL = { .rows = PEOPLE, .n_rows = 4 };
static const struct secret SECRET = { .text = (char *)"s3cret", .n_bytes = 6 };

#define BY_SOCKET                                                                                  \
	{                                                                                          \
		"DEVVM_LISTENER", "unix:/run/x"                                                    \
	}
#define ANNA                                                                                       \
	{                                                                                          \
		"HTTP_X_AUTHENTIK_USERNAME", "anna"                                                \
	}
#define ROOT                                                                                       \
	{                                                                                          \
		"HTTP_X_AUTHENTIK_USERNAME", "root"                                                \
	}
#define GET                                                                                        \
	{                                                                                          \
		"REQUEST_METHOD", "GET"                                                            \
	}
#define DOCUMENT                                                                                   \
	{                                                                                          \
		"HTTP_SEC_FETCH_DEST", "document"                                                  \
	}

static void routes(void **state DV_UNUSED)
{
	static const struct {
		enum route_kind kind;
		struct fcgi_param params[8];
	} rows[] = {
		{ ROUTE_PAIR, { BY_SOCKET, ANNA, GET, DOCUMENT } },
		{ ROUTE_PAIR, { BY_SOCKET, ANNA, GET, { "HTTP_ACCEPT", "text/html,*/*" } } },
		{ ROUTE_PAIR, { BY_SOCKET, ANNA, GET, DOCUMENT, { "HTTP_COOKIE", "a=b" } } },
		{ ROUTE_CHECK,
		  { BY_SOCKET, ANNA, GET, DOCUMENT, { "HTTP_COOKIE", "t3_session=b" } } },
		{ ROUTE_PASS, { BY_SOCKET, ANNA, GET } },
		{ ROUTE_PASS,
		  { BY_SOCKET,
		    ANNA,
		    GET,
		    { "HTTP_SEC_FETCH_DEST", "empty" },
		    { "HTTP_ACCEPT", "text/html" } } },
		{ ROUTE_PASS, { BY_SOCKET, ANNA, { "REQUEST_METHOD", "POST" }, DOCUMENT } },
		{ ROUTE_PASS, { BY_SOCKET, ANNA, GET, DOCUMENT, { "HTTP_UPGRADE", "websocket" } } },
		{ ROUTE_PAIR,
		  { BY_SOCKET,
		    { "HTTP_X_AUTHENTIK_USERNAME", "ANNA@example.org" },
		    GET,
		    DOCUMENT } },
		{ ROUTE_PAIR, { { "HTTP_X_DEVVM_PROXY_SECRET", "s3cret" }, ANNA, GET, DOCUMENT } },
		{ ROUTE_UNTRUSTED, { ANNA, GET, DOCUMENT } },
		{ ROUTE_UNTRUSTED,
		  { { "HTTP_X_DEVVM_PROXY_SECRET", "s3cre" }, ANNA, GET, DOCUMENT } },
		{ ROUTE_UNTRUSTED, { { "HTTP_X_DEVVM_PROXY_SECRET", "s3crets3cret" }, ANNA, GET } },
		{ ROUTE_UNTRUSTED,
		  { { "HTTP_X_DEVVM_PROXY_SECRET", "s3cret" },
		    { "HTTP_X_DEVVM_PROXY_SECRET", "s3cret" },
		    ANNA } },
		{ ROUTE_UNTRUSTED, { { "DEVVM_LISTENER", "127.0.0.1" }, ANNA, GET } },
		{ ROUTE_BAD, { BY_SOCKET, ANNA, ANNA, GET } },
		{ ROUTE_BAD,
		  { BY_SOCKET, ANNA, { "HTTP_CONNECTION", "x, X-Authentik-Username" } } },
		{ ROUTE_BAD, { BY_SOCKET, { "HTTP_X_AUTHENTIK_USERNAME", "anna, ben" } } },
		{ ROUTE_BAD, { BY_SOCKET, { "HTTP_X_AUTHENTIK_USERNAME", "@x" } } },
		{ ROUTE_BAD, { BY_SOCKET, { "HTTP_X_AUTHENTIK_USERNAME", "a@b@c" } } },
		{ ROUTE_NOBODY, { BY_SOCKET, { "HTTP_X_AUTHENTIK_USERNAME", "" } } },
		{ ROUTE_NOBODY, { BY_SOCKET, GET } },
		{ ROUTE_UNKNOWN, { BY_SOCKET, { "HTTP_X_AUTHENTIK_USERNAME", "eve" } } },
		{ ROUTE_PARKED, { BY_SOCKET, { "HTTP_X_AUTHENTIK_USERNAME", "park" } } },
		{ ROUTE_LEFT, { BY_SOCKET, { "HTTP_X_AUTHENTIK_USERNAME", "gone" } } },
		{ ROUTE_PROGRESS, { BY_SOCKET, ANNA, { "REQUEST_URI", "/devvm/progress" } } },
		{ ROUTE_NO_ADMIN, { BY_SOCKET, ANNA, GET, { "REQUEST_URI", "/devvm/" } } },
		{ ROUTE_NO_ADMIN,
		  { BY_SOCKET, ANNA, GET, { "REQUEST_URI", "/devvm/status.json" } } },
		{ ROUTE_STATUS, { BY_SOCKET, ROOT, GET, { "REQUEST_URI", "/devvm/" } } },
		{ ROUTE_STATUS, { BY_SOCKET, ROOT, GET, { "REQUEST_URI", "/devvm/status.json" } } },
		{ ROUTE_UNTRUSTED, { ROOT, GET, { "REQUEST_URI", "/devvm/" } } },
		{ ROUTE_PROGRESS,
		  { BY_SOCKET, ANNA, { "REQUEST_URI", "/devvm/progress?terminal" } } },
		{ ROUTE_TERMINAL,
		  { BY_SOCKET, ANNA, GET, DOCUMENT, { "REQUEST_URI", "/terminal/" } } },
		{ ROUTE_TERMINAL, { BY_SOCKET, ANNA, GET, { "REQUEST_URI", "/terminal/ws" } } },
		{ ROUTE_PARKED,
		  { BY_SOCKET,
		    { "HTTP_X_AUTHENTIK_USERNAME", "park" },
		    { "REQUEST_URI", "/terminal/ws" } } },
		{ ROUTE_UNTRUSTED, { ANNA, GET, { "REQUEST_URI", "/terminal/ws" } } },
		{ ROUTE_PASS, { BY_SOCKET, ANNA, GET, { "REQUEST_URI", "/terminals" } } },
		{ ROUTE_HEALTH, { { "REQUEST_URI", "/healthz" } } },
	};

	for (size_t i = 0; i < DV_COUNT(rows); i++) {
		static struct fcgi fcgi;
		struct route route = { 0 };

		fcgi = (struct fcgi){ 0 };
		while (fcgi.n_params < 8 && rows[i].params[fcgi.n_params].name) {
			fcgi.params[fcgi.n_params] = rows[i].params[fcgi.n_params];
			fcgi.n_params++;
		}
		route_decide(&fcgi, &ALL, &SECRET, &route);
		if (route.kind != rows[i].kind)
			fail_msg("row %zu: expected %d, got %d", i, rows[i].kind, route.kind);
	}
}

/* Nobody is on the roster by a name that the door takes for none. */
static void whom_the_roster_takes_is_let_in(void **state DV_UNUSED)
{
	unsigned int n_taken = 0;

	for (int c = 1; c < 256; c++) {
		static struct fcgi fcgi;
		const char name[] = { 'a', (char)c, 'n', '\0' };
		struct door_person person = { .identity = (char *)name, .user = (char *)"ann" };
		const struct door_people people = { .rows = &person, .n_rows = 1 };
		struct route route = { 0 };

		if (roster_identity_fault(name))
			continue;
		n_taken++;
		fcgi = (struct fcgi){ .params = { BY_SOCKET,
						  { "HTTP_X_AUTHENTIK_USERNAME", name } },
				      .n_params = 2 };
		route_decide(&fcgi, &people, &SECRET, &route);
		if (route.kind != ROUTE_PASS)
			fail_msg("%s: expected %d, got %d", name, ROUTE_PASS, route.kind);
	}
	assert_int_equal(n_taken, 26 + 26 + 10 + strlen("._+-:!%()*?[]^|~"));
}

static void without_a_secret_none_is_right(void **state DV_UNUSED)
{
	assert_true(route_equal_secret("abc", 3, "abc", 3));
	assert_false(route_equal_secret("abd", 3, "abc", 3));
	assert_false(route_equal_secret("abcabc", 6, "abc", 3));
	assert_false(route_equal_secret("", 0, "abc", 3));
	assert_false(route_equal_secret("", 0, "", 0));
	assert_false(route_equal_secret("a", 1, NULL, 0));
}

static void targets_are_of_the_same_origin(void **state DV_UNUSED)
{
	static const char *const bad[] = { "//evil", "/\\evil", "\\/evil", "http://evil", "",
					   "/a\tb",  "/a\rb",	"/a b",	   "/\xc3\xa9",	  "/x\\y" };

	assert_string_equal(route_safe_target("/deep/er?x=//y#z"), "/deep/er?x=//y#z");
	assert_string_equal(route_safe_target(NULL), "/");
	for (size_t i = 0; i < DV_COUNT(bad); i++)
		assert_string_equal(route_safe_target(bad[i]), "/");
}

static void cookies_of_t3_alone(void **state DV_UNUSED)
{
	static const struct {
		const char *header, *found;
	} rows[] = {
		{ "t3_session=a", "t3_session=a" },
		{ "authentik_x=1; t3_session_9_ab=a=b;c=d;t3_session=e",
		  "t3_session_9_ab=a=b; t3_session=e" },
		{ "t3_completely_new=a; __Host-t3_x=b; __Secure-t3=c",
		  "t3_completely_new=a; __Host-t3_x=b; __Secure-t3=c" },
		{ "t3_a=1; b=2; t3_session=LIVE; c=3; t3_ui=4",
		  "t3_a=1; t3_session=LIVE; t3_ui=4" },
		{ "t31=; t32=; t33=; t34=; x=; t35=; t36=; t37=; t38=; t39=; t3a=",
		  "t31=; t32=; t33=; t34=; t35=; t36=; t37=; t38=" },
		{ "__Host-__Secure-t3=a", NULL },
		{ "my_t3_session=a", NULL },
		{ "__Host-my_t3=a", NULL },
		{ "t3_session", NULL },
		{ ";;;", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < DV_COUNT(rows); i++) {
		DV_AUTO_FREE char *found = route_session_cookies(rows[i].header);

		if (!str_equal(found, rows[i].found))
			fail_msg("%s: expected %s, got %s", rows[i].header, rows[i].found, found);
	}
	assert_null(route_session_cookies(NULL));
}

/* nginx takes headers of 16 KiB, and an SSO proxy fills them. */
static void cookies_of_others_may_be_long(void **state DV_UNUSED)
{
	static char header[16384] = "sso=";
	DV_AUTO_FREE char *found = NULL;

	(void)memset(header + 4, 'a', 12000);
	(void)strcpy(header + 12004, "; t3_session=a; more=b");
	found = route_session_cookies(header);
	assert_string_equal(found, "t3_session=a");
}

static size_t n_wiped;

void explicit_bzero(void *bytes, size_t n_bytes)
{
	const char *volatile was = bytes;

	n_wiped += n_bytes >= 12 && memcmp(was, "t3_session=b", 12) == 0;
	memset(bytes, 0, n_bytes);
	__asm__ volatile("" : : "r"(bytes) : "memory");
}

static void a_session_that_was_looked_for_is_wiped(void **state DV_UNUSED)
{
	struct fcgi request = {
		.params = { BY_SOCKET, ANNA, GET, DOCUMENT, { "HTTP_COOKIE", "t3_session=b" } },
		.n_params = 5
	};
	struct route route;

	n_wiped = 0;
	route_decide(&request, &ALL, &SECRET, &route);
	assert_int_equal(route.kind, ROUTE_CHECK);
	assert_int_equal(n_wiped, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cookies_of_others_may_be_long),
		cmocka_unit_test(routes),
		cmocka_unit_test(whom_the_roster_takes_is_let_in),
		cmocka_unit_test(without_a_secret_none_is_right),
		cmocka_unit_test(targets_are_of_the_same_origin),
		cmocka_unit_test(cookies_of_t3_alone),
		cmocka_unit_test(a_session_that_was_looked_for_is_wiped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
