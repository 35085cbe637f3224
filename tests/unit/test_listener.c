/* test_listener.c - whose a port is, from the kernel's tables as they look. */
#include "scratch.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "dispatch/listener.h"

#define HEAD                                                                                       \
	"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  "      \
	"timeout inode\n"
#define ROW(address, state, uid)                                                                   \
	"   0: " address " 00000000:0000 " state " 00000000:00000000 00:00000000 00000000  " uid   \
	"        0 22 1 0 100 0 0 10 0\n"
#define PORT 3773 /* 0EBD */

static enum listener look(struct scratch *scratch, const char *tcp, const char *tcp6)
{
	enum listener listener = LISTENER_UNSET;

	scratch_write(scratch, "proc/self/net/tcp", tcp, 0644);
	scratch_write(scratch, "proc/self/net/tcp6", tcp6, 0644);
	assert_ok(scratch,
		  listener_look(scratch->env.root_dirfd, PORT, 1000, &listener, &scratch->err));
	return listener;
}

static void whose_it_is(void **state)
{
	struct scratch *s = *state;

	assert_int_equal(look(s, HEAD, HEAD), LISTENER_NONE);
	assert_int_equal(look(s, HEAD ROW("0100007F:0EBD", "0A", "1000"), HEAD), LISTENER_OWN);
	assert_int_equal(look(s, HEAD ROW("00000000:0EBD", "0A", "1000"), HEAD), LISTENER_OWN);
	assert_int_equal(look(s, HEAD ROW("0100007F:0EBD", "0A", "1001"), HEAD), LISTENER_FOREIGN);
	assert_int_equal(look(s, HEAD ROW("0100007F:0EBD", "01", "1000"), HEAD), LISTENER_NONE);
	assert_int_equal(look(s, HEAD ROW("0100007F:0EBE", "0A", "1000"), HEAD), LISTENER_NONE);
	assert_int_equal(look(s, HEAD ROW("0200007F:0EBD", "0A", "1000"), HEAD), LISTENER_NONE);
	assert_int_equal(look(s, HEAD,
			      HEAD ROW("00000000000000000000000000000000:0EBD", "0A", "1001")),
			 LISTENER_FOREIGN);
	assert_int_equal(look(s, HEAD,
			      HEAD ROW("00000000000000000000000001000000:0EBD", "0A", "1001")),
			 LISTENER_NONE);
	assert_int_equal(look(s, HEAD ROW("0100007F:0EBD", "0A", "1000"),
			      HEAD ROW("0000000000000000FFFF00000100007F:0EBD", "0A", "0")),
			 LISTENER_FOREIGN);
}

/* The running kernel, asked as the program does. */
static void of_this_machine(void **state)
{
	struct scratch *scratch = *state;
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(address);
	DV_AUTO_CLOSE int root_fd = open("/", O_PATH | O_CLOEXEC);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	enum listener listener = LISTENER_UNSET;
	uint16_t port;

	assert_int_equal(bind(fd, (struct sockaddr *)&address, n), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &n), 0);
	port = ntohs(address.sin_port);
	assert_ok(scratch, listener_look(root_fd, port, getuid(), &listener, &scratch->err));
	assert_int_equal(listener, LISTENER_NONE);
	assert_int_equal(listen(fd, 1), 0);
	assert_ok(scratch, listener_look(root_fd, port, getuid(), &listener, &scratch->err));
	assert_int_equal(listener, LISTENER_OWN);
	assert_ok(scratch, listener_look(root_fd, port, getuid() + 1, &listener, &scratch->err));
	assert_int_equal(listener, LISTENER_FOREIGN);
	assert_int_equal(close(fd), 0);
	assert_ok(scratch, listener_look(root_fd, port, getuid(), &listener, &scratch->err));
	assert_int_equal(listener, LISTENER_NONE);
}

static void without_a_table(void **state)
{
	struct scratch *scratch = *state;
	enum listener listener = LISTENER_UNSET;

	assert_int_equal(listener_look(scratch->env.root_dirfd, PORT, 0, &listener, &scratch->err),
			 -ENOENT);
	assert_int_equal(listener, LISTENER_UNSET);
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
	const struct CMUnitTest tests[] = { TEST(whose_it_is), TEST(of_this_machine),
					    TEST(without_a_table),
					    TEST(a_terminal_is_there_with_its_socket) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
