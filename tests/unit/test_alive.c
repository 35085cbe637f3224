/* test_alive.c - which servers answer at all, by real sockets. */
#include "scratch.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "fake_web.h"
#include "t3/alive.h"

#define PATH "/.well-known/t3/environment"
#define TIMEOUT_MS 10000 /* of those who answer */

static void assert_answer(const struct alive *server, enum alive_answer answer, const char *text)
{
	assert_string_equal(server->text, text);
	assert_int_equal(server->answer, answer);
}

static void each_answer_is_what_it_is(void **state DV_UNUSED)
{
	static const struct {
		const char *page; /* NULL: the connection is closed without one */
		enum alive_answer answer;
		const char *text;
	} rows[] = {
		{ "HTTP/1.1 200 OK\r\n\r\n{}", ALIVE_YES, "" },
		{ "HTTP/1.0 200 OK\r\n\r\n", ALIVE_YES, "" },
		{ "HTTP/1.1 401 No\r\n\r\n", ALIVE_YES, "" },
		{ "HTTP/1.1 302 There\r\nLocation: http://192.0.2.1/\r\n\r\n", ALIVE_YES, "" },
		{ "HTTP/1.1 499 x\r\n\r\n", ALIVE_YES, "" },
		{ "HTTP/1.1 500 Oh\r\n\r\n", ALIVE_ERROR, "it answers 500" },
		{ "HTTP/1.1 503 Oh\r\n\r\n", ALIVE_ERROR, "it answers 503" },
		{ "SSH-2.0-OpenSSH_9.2\r\n", ALIVE_ERROR, "what it answers is no HTTP" },
		{ "HTTP/1.1 abc\r\n\r\n", ALIVE_ERROR, "what it answers is no HTTP" },
		{ "HTTP/1.1", ALIVE_REFUSED, "it ends connections without an answer" },
		{ "", ALIVE_REFUSED, "it ends connections without an answer" },
	};
	struct fake_web webs[DV_COUNT(rows)];
	struct alive servers[DV_COUNT(rows)] = { 0 };

	for (size_t i = 0; i < DV_COUNT(rows); i++) {
		const struct fake_web_page pages[] = { { PATH, rows[i].page }, { NULL, NULL } };

		assert_true(fake_web_start(&webs[i], pages));
		servers[i] = (struct alive){ .port = (uint16_t)webs[i].port, .uid = getuid() };
	}
	alive_ask(servers, DV_COUNT(rows), TIMEOUT_MS);
	for (size_t i = 0; i < DV_COUNT(rows); i++) {
		assert_answer(&servers[i], rows[i].answer, rows[i].text);
		fake_web_stop(&webs[i]);
	}
}

/* A listener that never answers, as a server does that hangs; its port. */
static int hang(uint16_t *ret_port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_return_code(bind(fd, (struct sockaddr *)&at, n), errno);
	assert_return_code(listen(fd, 8), errno);
	assert_return_code(getsockname(fd, (struct sockaddr *)&at, &n), errno);
	*ret_port = ntohs(at.sin_port);
	return fd;
}

static void who_hangs_keeps_nobody_from_being_asked(void **state DV_UNUSED)
{
	static const struct fake_web_page pages[] = { { PATH, "HTTP/1.1 200 OK\r\n\r\n" },
						      { NULL, NULL } };
	struct alive servers[ALIVE_AT_ONCE + 1] = { 0 };
	struct fake_web web;
	uint16_t port;
	int fd = hang(&port);

	assert_true(fake_web_start(&web, pages));
	for (size_t i = 0; i < ALIVE_AT_ONCE; i++)
		servers[i] = (struct alive){ .port = port, .uid = getuid() };
	servers[ALIVE_AT_ONCE] = (struct alive){ .port = (uint16_t)web.port, .uid = getuid() };
	alive_ask(servers, ALIVE_AT_ONCE + 1, 300);
	assert_answer(&servers[0], ALIVE_TIMEOUT, "it does not answer in time");
	assert_answer(&servers[ALIVE_AT_ONCE - 1], ALIVE_TIMEOUT, "it does not answer in time");
	assert_answer(&servers[ALIVE_AT_ONCE], ALIVE_YES, "");
	fake_web_stop(&web);
	(void)close(fd);
}

static void nobody_and_somebody_else(void **state DV_UNUSED)
{
	struct alive servers[2];
	uint16_t port, free_port;
	int fd = hang(&port);

	(void)close(hang(&free_port));
	servers[0] = (struct alive){ .port = free_port, .uid = getuid() };
	servers[1] = (struct alive){ .port = port, .uid = getuid() + 1 };
	alive_ask(servers, 2, TIMEOUT_MS);
	assert_answer(&servers[0], ALIVE_REFUSED, "nobody listens on its port");
	assert_answer(&servers[1], ALIVE_FOREIGN, "somebody else listens on its port");
	/* Not even a connection was made to them. */
	assert_int_equal(accept(fd, NULL, NULL), -1);
	(void)close(fd);
	alive_ask(NULL, 0, TIMEOUT_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_answer_is_what_it_is),
		cmocka_unit_test(who_hangs_keeps_nobody_from_being_asked),
		cmocka_unit_test(nobody_and_somebody_else),
	};

	return cmocka_run_group_tests_name("alive", tests, NULL, NULL);
}
