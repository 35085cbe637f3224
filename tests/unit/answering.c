/* answering.c - see answering.h. */
#include "answering.h"

#include "scratch.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

int answering_serve(uint16_t *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, n), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &n), 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

int answering_take(int listen_fd)
{
	return accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

void answering_assert_asked(int fd)
{
	char request[1024] = "";
	ssize_t n = recv(fd, request, sizeof(request) - 1, 0);

	assert_true(n > 0);
	assert_int_equal(strncmp(request, "GET /api/auth/session HTTP/1.1\r\n", 32), 0);
	assert_contains(request, "\r\nCookie: " ANSWERING_COOKIES "\r\n\r\n");
}

void answering_answer(int fd, const char *text)
{
	answering_assert_asked(fd);
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}
