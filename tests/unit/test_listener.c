/* test_listener.c - whose a port is, by real sockets, and whether a terminal is there. */
#include "scratch.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "t3/listener.h"

/* A socket on that address and a port of the kernel's choosing (or `*port`); -1 where that cannot be had. */
static int open_socket(const char *address, bool listens, uint16_t *port)
{
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(*port) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(*port) };
	bool is_six = inet_pton(AF_INET, address, &four.sin_addr) != 1;
	struct sockaddr *name = is_six ? (struct sockaddr *)&six : (struct sockaddr *)&four;
	socklen_t n = is_six ? sizeof(six) : sizeof(four);
	int fd = socket(is_six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (is_six)
		assert_int_equal(inet_pton(AF_INET6, address, &six.sin6_addr), 1);
	if (fd < 0 || bind(fd, name, n) < 0 || (listens && listen(fd, 8) < 0) ||
	    getsockname(fd, name, &n) < 0) {
		if (fd >= 0)
			(void)close(fd);
		return -1;
	}
	*port = ntohs(is_six ? six.sin6_port : four.sin_port);
	return fd;
}

static enum listener look(uint16_t port, uid_t uid)
{
	enum listener listener = LISTENER_UNSET;
	struct dv_error err = { "" };

	if (listener_look(port, uid, &listener, &err) < 0)
		fail_msg("%s", err.text);
	return listener;
}

static void whose_it_is(void **state DV_UNUSED)
{
	static const struct {
		const char *address;
		bool listens, answers;
	} rows[] = {
		{ "127.0.0.1", true, true },
		{ "0.0.0.0", true, true },
		{ "127.0.0.1", false, false },
		{ "127.0.0.2", true, false },
		{ "::", true, true },
		{ "::1", true, false },
		{ "::ffff:127.0.0.1", true, true },
		{ "::ffff:127.0.0.2", true, false },
	};

	for (size_t i = 0; i < DV_COUNT(rows); i++) {
		uint16_t port = 0;
		int fd = open_socket(rows[i].address, rows[i].listens, &port);

		if (fd < 0 && strchr(rows[i].address, ':'))
			continue; /* no IPv6 here */
		assert_true(fd >= 0);
		if (look(port, geteuid()) != (rows[i].answers ? LISTENER_OWN : LISTENER_NONE) ||
		    look(port, geteuid() + 1) !=
			    (rows[i].answers ? LISTENER_FOREIGN : LISTENER_NONE))
			fail_msg("%s is taken for another", rows[i].address);
		(void)close(fd);
		assert_int_equal(look(port, geteuid()), LISTENER_NONE);
	}
}

static void whose_a_port_of_ipv6_is(void **state DV_UNUSED)
{
	static const struct {
		const char *address;
		bool answers;
	} rows[] = {
		{ "127.0.0.1", false }, { "0.0.0.0", false },	       { "::", true },
		{ "::1", true },	{ "::ffff:127.0.0.1", false },
	};
	struct dv_error err = { "" };

	for (size_t i = 0; i < DV_COUNT(rows); i++) {
		enum listener own = LISTENER_UNSET, foreign = LISTENER_UNSET;
		uint16_t port = 0;
		int fd = open_socket(rows[i].address, true, &port);

		if (fd < 0 && strchr(rows[i].address, ':'))
			continue; /* no IPv6 here */
		assert_true(fd >= 0);
		assert_int_equal(listener_look_six(port, geteuid(), &own, &err), 0);
		assert_int_equal(listener_look_six(port, geteuid() + 1, &foreign, &err), 0);
		if (own != (rows[i].answers ? LISTENER_OWN : LISTENER_NONE) ||
		    foreign != (rows[i].answers ? LISTENER_FOREIGN : LISTENER_NONE))
			fail_msg("%s is taken for another", rows[i].address);
		(void)close(fd);
	}
}

static enum listener look_at_socket(struct scratch *scratch, const char *path, uid_t uid)
{
	enum listener listener = LISTENER_UNSET;

	assert_ok(scratch, listener_look_socket(path, uid, &listener, &scratch->err));
	return listener;
}

static void whose_a_socket_is(void **state)
{
	struct scratch *s = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char path[100], long_path[200];
	enum listener listener = LISTENER_UNSET;

	(void)snprintf(path, sizeof(path), "%s/door.sock", s->folder);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(look_at_socket(s, path, geteuid()), LISTENER_NONE);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(look_at_socket(s, path, geteuid()), LISTENER_NONE);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(look_at_socket(s, path, geteuid()), LISTENER_OWN);
	assert_int_equal(look_at_socket(s, path, geteuid() + 1), LISTENER_FOREIGN);
	(void)close(fd);
	assert_int_equal(look_at_socket(s, path, geteuid()), LISTENER_NONE); /* left behind */
	scratch_write(s, "door", "", 0644);
	(void)snprintf(path, sizeof(path), "%s/door", s->folder);
	assert_int_equal(look_at_socket(s, path, geteuid()), LISTENER_NONE);
	(void)snprintf(path, sizeof(path), "%s/door/x", s->folder);
	assert_int_equal(listener_look_socket(path, geteuid(), &listener, &s->err), -ENOTDIR);
	assert_contains(s->err.text, "connect to /");
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[0] = '/';
	long_path[sizeof(long_path) - 1] = '\0';
	assert_int_equal(listener_look_socket(long_path, geteuid(), &listener, &s->err),
			 -ENAMETOOLONG);
}

static void a_connection_is_no_listener(void **state DV_UNUSED)
{
	struct dv_error err = { "" };
	uint16_t port = 0, from = 0;
	int fd = open_socket("127.0.0.1", true, &port);
	int client = open_socket("127.0.0.1", false, &from);
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons(port),
					.sin_addr = { htonl(INADDR_LOOPBACK) } };

	assert_int_equal(connect(client, (const struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(look(from, geteuid()), LISTENER_NONE);
	assert_int_equal(look(port, geteuid()), LISTENER_OWN);
	assert_int_equal(listener_require(port, geteuid(), "emo", &err), 0);
	assert_int_equal(listener_require(port, geteuid() + 1, "emo", &err), -ECONNREFUSED);
	assert_contains(err.text, "is not emo's now");
	(void)close(client);
	(void)close(fd);
}

static void a_terminal_is_there_with_its_socket(void **state)
{
	struct scratch *s = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	enum listener listener = LISTENER_UNSET;

	assert_ok(s, listener_look_terminal(s->env.root_dirfd, "emo", &listener, &s->err));
	assert_int_equal(listener, LISTENER_NONE);
	scratch_make_folder(s, "run/devvm/ttyd", 0755);
	(void)snprintf(address.sun_path, sizeof(address.sun_path),
		       "/proc/self/fd/%d/run/devvm/ttyd/emo.sock", s->env.root_dirfd);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_ok(s, listener_look_terminal(s->env.root_dirfd, "emo", &listener, &s->err));
	assert_int_equal(listener, geteuid() == 0 ? LISTENER_OWN : LISTENER_FOREIGN);
	scratch_write(s, "run/devvm/ttyd/ben.sock", "", 0644);
	assert_ok(s, listener_look_terminal(s->env.root_dirfd, "ben", &listener, &s->err));
	assert_int_equal(listener, LISTENER_FOREIGN);
	(void)close(fd);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(whose_it_is),
					    cmocka_unit_test(whose_a_port_of_ipv6_is),
					    TEST(whose_a_socket_is),
					    cmocka_unit_test(a_connection_is_no_listener),
					    TEST(a_terminal_is_there_with_its_socket) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
