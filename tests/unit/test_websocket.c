/* test_websocket.c - each way a server may answer on /ws. */
#include "scratch.h"

#include <dlfcn.h>

#include "base/clock.h"
#include "fake_web.h"
#include "t3/websocket.h"

static bool is_early; /* poll(2), BUGS: what is ready may block all the same */

ssize_t recv(int fd, void *bytes, size_t n_bytes, int flags)
{
	ssize_t (*real)(int, void *, size_t, int) = dlsym(RTLD_NEXT, "recv");

	if (!is_early)
		return real(fd, bytes, n_bytes, flags);
	is_early = false;
	errno = EAGAIN;
	return -1;
}

static int ask_once(const char *answer, const char *cookies, unsigned int *ret_status,
		    struct dv_error *err)
{
	const struct fake_web_page pages[] = { { "/ws", answer }, { NULL, NULL } };
	struct fake_web web;
	struct t3_server server;
	int r;

	assert_true(fake_web_start(&web, pages));
	server = (struct t3_server){ .host = "127.0.0.1", .port = (uint16_t)web.port };
	r = t3_ask_websocket(&server, cookies, clock_deadline_ms(answer ? 5000 : 50), ret_status,
			     err);
	fake_web_stop(&web);
	return r;
}

static void the_status_is_what_it_says(void **state DV_UNUSED)
{
	static const struct {
		const char *answer;
		int r;
		unsigned int status;
	} rows[] = {
		{ "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", 0, 101 },
		{ "HTTP/1.1 401 Unauthorized\r\n\r\n", 0, 401 },
		{ "HTTP/1.1 7\r\n\r\n", -EBADMSG, 0 },
		{ "SSH-2.0-x\r\n", -EBADMSG, 0 },
		{ "", -EBADMSG, 0 },
		{ NULL, -ETIMEDOUT, 0 },
	};

	for (size_t i = 0; i < DV_COUNT(rows); i++) {
		struct dv_error err = { "" };
		unsigned int status = 0;
		int r = ask_once(rows[i].answer, i % 2 ? "a=secret" : NULL, &status, &err);

		if (r != rows[i].r || status != rows[i].status)
			fail_msg("row %zu: expected %d %u, got %d %u (%s)", i, rows[i].r,
				 rows[i].status, r, status, err.text);
		assert_null(strstr(err.text, "secret"));
	}
}

static void an_answer_that_was_announced_too_early_is_waited_for(void **state DV_UNUSED)
{
	static const struct fake_web_page pages[] = { { "/ws", "HTTP/1.1 101 X\r\n\r\n" },
						      { NULL, NULL } };
	struct dv_error err = { "" };
	unsigned int status = 0;
	struct fake_web web;
	struct t3_server server;

	assert_true(fake_web_start(&web, pages));
	is_early = true;
	server = (struct t3_server){ .host = "127.0.0.1", .port = (uint16_t)web.port };
	assert_int_equal(t3_ask_websocket(&server, NULL, clock_deadline_ms(5000), &status, &err),
			 0);
	assert_int_equal(status, 101);
	fake_web_stop(&web);
}

static void where_nobody_listens_it_says_so(void **state DV_UNUSED)
{
	struct dv_error err = { "" };
	unsigned int status = 0;
	int fd = -1;
	struct t3_server server = { .host = "127.0.0.1", .port = (uint16_t)fake_web_listen(&fd) };

	/* Bound, and not listening: nobody else gets the port meanwhile. */
	assert_int_equal(t3_ask_websocket(&server, NULL, clock_deadline_ms(5000), &status, &err),
			 -ECONNREFUSED);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_status_is_what_it_says),
		cmocka_unit_test(an_answer_that_was_announced_too_early_is_waited_for),
		cmocka_unit_test(where_nobody_listens_it_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
