/* waiting.h - somebody who waits on a listening socket for an answer. */
#ifndef DEVVM_TESTS_WAITING_H
#define DEVVM_TESTS_WAITING_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "scratch.h"

/* A listening socket and one who waits on it, having asked something. */
static inline int listen_and_ask(int *ret_client_fd)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof(address);
	int listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(listen_fd, (struct sockaddr *)&address, n), 0);
	assert_int_equal(listen(listen_fd, 8), 0);
	assert_int_equal(getsockname(listen_fd, (struct sockaddr *)&address, &n), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, n), 0);
	assert_int_equal(send(fd, "POST /mcp HTTP/1.1\r\n\r\n", 22, 0), 22);
	*ret_client_fd = fd;
	return listen_fd;
}

#endif
