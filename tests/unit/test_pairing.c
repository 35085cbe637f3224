/* test_pairing.c - the handshake with a t3 server, in each way it may answer. Which path is taken and what an answer
 * means for the front door is in test_pair.c. */
#include "scratch.h"

#include "base/clock.h"
#include "fake_web.h"
#include "t3/pairing.h"

#define OK(headers, body) "HTTP/1.1 200 OK\r\n" headers "Connection: close\r\n\r\n" body

static void the_version_is_what_it_says(void **state DV_UNUSED)
{
	static const struct {
		const char *answer, *version;
	} rows[] = {
		{ OK("", "{\"serverVersion\": \"0.0.24\"}"), "0.0.24" },
		{ OK("", "{\"serverVersion\": 24}"), "" },
		{ OK("", "{\"serverVersion\": \"0.0\\u001b[31m\"}"), "" },
		{ OK("", "<html>"), "" },
		{ OK("", ""), "" },
		{ "HTTP/1.1 503 No\r\nContent-Length: 28\r\n\r\n{\"serverVersion\": \"0.0.24\"}\n",
		  "" },
	};

	for (size_t i = 0; i < DV_COUNT(rows); i++) {
		const struct fake_web_page pages[] = {
			{ "/.well-known/t3/environment", rows[i].answer }, { NULL, NULL }
		};
		char version[T3_VERSION_SAID_BYTES] = "x";
		struct dv_error err = { "" };
		struct fake_web web;
		struct t3_server server;

		assert_true(fake_web_start(&web, pages));
		server = (struct t3_server){ .host = "127.0.0.1", .port = (uint16_t)web.port };
		if (t3_ask_version(&server, clock_deadline_ms(5000), version, &err) < 0)
			fail_msg("row %zu: %s", i, err.text);
		assert_string_equal(version, rows[i].version);
		fake_web_stop(&web);
	}
}

static int not_now(void *context DV_UNUSED, struct dv_error *err)
{
	return dv_refuse(err, -EPERM, "not now");
}

static void who_may_not_ask_does_not(void **state DV_UNUSED)
{
	const struct t3_server server = { .host = "127.0.0.1", .port = 1, .may_ask = not_now };
	DV_AUTO_STR_LIST struct str_list cookies = { 0 };
	enum t3_session session = T3_SESSION_UNSET;
	char version[T3_VERSION_SAID_BYTES];
	struct dv_error err = { "" };
	const char *path = NULL;
	bool fallback = false;
	int64_t deadline_ms = clock_deadline_ms(1000);

	assert_int_equal(t3_ask_version(&server, deadline_ms, version, &err), -EPERM);
	assert_int_equal(t3_ask_session(&server, "a=b", deadline_ms, &session, &err), -EPERM);
	assert_int_equal(t3_exchange(&server, "C", deadline_ms, &cookies, &path, &fallback, &err),
			 -EPERM);
	assert_string_equal(err.text, "not now");
}

static void cookies_go_back_as_they_came(void **state DV_UNUSED)
{
	static const struct {
		const char *lines[3];
		const char *header; /* NULL: refused */
	} rows[] = {
		{ { "t3_session=x; Path=/; HttpOnly" }, "t3_session=x" },
		{ { "a=1; Path=/", "t3_session_3773_ab=y==" }, "a=1; t3_session_3773_ab=y==" },
		{ { "a=" }, "a=" },
		{ { "=x; Path=/" }, NULL },
		{ { "novalue; Path=/" }, NULL },
		{ { "" }, NULL },
	};

	for (size_t i = 0; i < DV_COUNT(rows); i++) {
		DV_AUTO_STR_LIST struct str_list lines = { 0 };
		DV_AUTO_SECRET struct secret header = { 0 };
		struct dv_error err = { "" };
		int r;

		for (size_t at = 0; at < 3 && rows[i].lines[at]; at++)
			assert_int_equal(str_list_add(&lines, rows[i].lines[at]), 0);
		r = t3_cookie_header(&lines, &header, &err);
		assert_int_equal(r, rows[i].header ? 0 : -EBADMSG);
		if (rows[i].header) {
			assert_string_equal(header.text, rows[i].header);
			assert_int_equal(header.n_bytes, strlen(rows[i].header));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_version_is_what_it_says),
		cmocka_unit_test(who_may_not_ask_does_not),
		cmocka_unit_test(cookies_go_back_as_they_came),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
