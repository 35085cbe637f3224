/* test_front.c - how the front door is asked, and that it is whose it should be. */
#include "scratch.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "fake_web.h"
#include "t3/front.h"

static void without_its_configuration_it_is_off(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FRONT struct front front = { 0 };

	assert_ok(scratch, front_find(&scratch->env, &front, &scratch->err));
	assert_false(front.is_on);
}

#define PORT "listen 127.0.0.1:3780;\n"
#define SOCKET "listen unix:/run/devvm/door/door.sock;\n"

static void it_is_asked_in_the_way_that_it_believes(void **state)
{
	static const struct {
		const char *conf, *secret;
		enum front_way way;
		const char *shown;
	} rows[] = {
		{ PORT, "of the proxy\n", FRONT_WAY_PORT, "address 127.0.0.1:3780" },
		{ PORT, NULL, FRONT_WAY_NONE, "no place" },
		{ PORT, "\n", FRONT_WAY_NONE, "no place" },
		{ SOCKET, NULL, FRONT_WAY_SOCKET, "socket /run/devvm/door/door.sock" },
		{ SOCKET, "of the proxy", FRONT_WAY_SOCKET, "socket /run/devvm/door/door.sock" },
		/* The guide's set-up for Caddy. */
		{ PORT SOCKET, NULL, FRONT_WAY_SOCKET, "socket /run/devvm/door/door.sock" },
		{ PORT SOCKET, "of the proxy", FRONT_WAY_PORT, "address 127.0.0.1:3780" },
		{ "listen 192.0.2.1:3780;", "of the proxy", FRONT_WAY_NONE, "no place" },
		{ "", "of the proxy", FRONT_WAY_NONE, "no place" },
	};
	struct scratch *scratch = *state;
	char shown[FRONT_SHOWN_BYTES];

	for (size_t i = 0; i < DV_COUNT(rows); i++) {
		DV_AUTO_FRONT struct front front = { 0 };

		scratch_write(scratch, FRONT_CONF, rows[i].conf, 0644);
		if (rows[i].secret)
			scratch_write(scratch, FRONT_SECRET, rows[i].secret, 0600);
		assert_ok(scratch, front_find(&scratch->env, &front, &scratch->err));
		assert_true(front.is_on);
		if (front_way(&front) != rows[i].way)
			fail_msg("row %zu: the way is %d", i, (int)front_way(&front));
		assert_string_equal(front_show(&front, front_way(&front), shown), rows[i].shown);
		if (rows[i].way == FRONT_WAY_PORT)
			assert_string_equal(front.secret.text, "of the proxy");
		if (rows[i].secret)
			assert_ok(scratch, file_remove(scratch->env.root_dirfd, FRONT_SECRET,
						       &scratch->err));
	}
}

static void one_that_is_off_is_not_asked(void **state)
{
	struct scratch *scratch = *state;
	const struct front front = { .at = { "127.0.0.1:1", "/run/x" } };
	DV_AUTO_SECRET struct secret cookies = { 0 };

	assert_int_equal(front_way(&front), FRONT_WAY_NONE);
	assert_int_equal(front_pair(&front, "anna", clock_deadline_ms(1000), &cookies,
				    &scratch->err),
			 -EOPNOTSUPP);
}

#define PAIRED                                                                                     \
	"HTTP/1.1 302 Found\r\nLocation: /\r\nSet-Cookie: t3_session=one; Path=/\r\n"              \
	"Content-Length: 0\r\nConnection: close\r\n\r\n"
#define SESSION                                                                                    \
	"HTTP/1.1 200 OK\r\nContent-Length: 23\r\nConnection: close\r\n\r\n{\"authenticated\": "   \
	"true}"

static const struct fake_web_page PAGES[] = { { "/", PAIRED },
					      { "/api/auth/session", SESSION },
					      { 0 } };

static void by_the_socket_somebody_is_let_in(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FRONT struct front front = { .is_on = true, .at = { .address = "127.0.0.1:1" } };
	DV_AUTO_SECRET struct secret cookies = { 0 };
	struct fake_web web;
	int r;

	(void)snprintf(front.at.socket, sizeof(front.at.socket), "%s/door.sock", scratch->folder);
	assert_int_equal(front_require(&front, FRONT_WAY_SOCKET, &scratch->err), -ECONNREFUSED);
	assert_contains(scratch->err.text, "nobody listens at the front door's socket /");
	assert_true(fake_web_start_at(&web, front.at.socket, PAGES));
	r = front_pair(&front, "anna", clock_deadline_ms(5000), &cookies, &scratch->err);
	fake_web_stop(&web);
	assert_ok(scratch, r);
	assert_string_equal(cookies.text, "t3_session=one");
}

/* What came last goes into the answer as a cookie: the request's first line, and whether the secret was in it. */
static pid_t tell_what_comes(int fd)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int peer = accept(fd, NULL, NULL);
		char request[4096] = "", answer[512];

		while (recv(peer, request + strlen(request), 1, 0) == 1 &&
		       strlen(request) < sizeof(request) - 1 && !strstr(request, "\r\n\r\n"))
			;
		(void)snprintf(answer, sizeof(answer),
			       "HTTP/1.1 %s\r\nSet-Cookie: t3_secret=%s\r\nConnection: close\r\n"
			       "Content-Length: 23\r\n\r\n{\"authenticated\": true}\n",
			       strstr(request, "GET / ") ? "302 Found" : "200 OK",
			       strcasestr(request, "X-Devvm-Proxy-Secret: of the proxy") ? "sent"
			       : strcasestr(request, "of the proxy") ? "elsewhere"
								     : "kept");
		(void)send(peer, answer, strlen(answer), MSG_NOSIGNAL);
		(void)close(peer);
	}
}

static void the_secret_goes_to_the_port_alone(void **state)
{
	struct scratch *scratch = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int unix_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd = -1;
	struct fake_web web = { .port = fake_web_listen(&fd) };
	static char secret[] = "of the proxy";
	struct front front = { .is_on = true, .secret = { secret, sizeof(secret) - 1 } };
	pid_t pid, unix_pid;

	(void)snprintf(front.at.socket, sizeof(front.at.socket), "%s/door.sock", scratch->folder);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", front.at.socket);
	assert_int_equal(bind(unix_fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_true(listen(unix_fd, 8) == 0 && listen(fd, 8) == 0);
	pid = tell_what_comes(fd);
	unix_pid = tell_what_comes(unix_fd);
	for (int i = 0; i < 2; i++) {
		DV_AUTO_SECRET struct secret cookies = { 0 };

		assert_ok(scratch, front_pair(&front, "anna", clock_deadline_ms(5000), &cookies,
					      &scratch->err));
		assert_string_equal(cookies.text, i == 0 ? "t3_secret=kept" : "t3_secret=sent");
		(void)snprintf(front.at.address, sizeof(front.at.address), "127.0.0.1:%u",
			       web.port);
	}
	web.pid = pid;
	fake_web_stop(&web);
	web.pid = unix_pid;
	fake_web_stop(&web);
	(void)close(fd);
	(void)close(unix_fd);
}

/* Ports of this process: taken, and free again. */
static void nothing_goes_where_nobody_of_ours_listens(void **state)
{
	struct scratch *scratch = *state;
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(address);
	static char secret[] = "of the proxy";
	struct front front = { .is_on = true, .secret = { secret, sizeof(secret) - 1 } };
	DV_AUTO_SECRET struct secret cookies = { 0 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, n), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &n), 0);
	(void)snprintf(front.at.address, sizeof(front.at.address), "127.0.0.1:%u",
		       ntohs(address.sin_port));
	assert_ok(scratch, front_require(&front, FRONT_WAY_PORT, &scratch->err));
	(void)snprintf(front.at.address, sizeof(front.at.address), "[::1]:%u",
		       ntohs(address.sin_port));
	assert_int_equal(front_require(&front, FRONT_WAY_PORT, &scratch->err), -ECONNREFUSED);
	(void)close(fd);
	(void)snprintf(front.at.address, sizeof(front.at.address), "127.0.0.1:%u",
		       ntohs(address.sin_port));
	assert_int_equal(front_require(&front, FRONT_WAY_PORT, &scratch->err), -ECONNREFUSED);
	assert_contains(scratch->err.text, "nobody listens at the front door's address 127.0.0.1:");
	assert_int_equal(front_pair(&front, "anna", clock_deadline_ms(1000), &cookies,
				    &scratch->err),
			 -ECONNREFUSED);
	front.at.address[0] = '\0';
	assert_int_equal(front_require(&front, FRONT_WAY_PORT, &scratch->err), -EINVAL);
}

static void what_cannot_be_read_is_told(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FRONT struct front front = { 0 };

	scratch_make_folder(scratch, FRONT_CONF, 0755);
	assert_true(front_find(&scratch->env, &front, &scratch->err) < 0);
	assert_contains(scratch->err.text, FRONT_CONF);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_its_configuration_it_is_off),
		TEST(it_is_asked_in_the_way_that_it_believes),
		TEST(one_that_is_off_is_not_asked),
		TEST(by_the_socket_somebody_is_let_in),
		TEST(the_secret_goes_to_the_port_alone),
		TEST(nothing_goes_where_nobody_of_ours_listens),
		TEST(what_cannot_be_read_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
