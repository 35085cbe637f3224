/* refuse.c - see refuse.h. */
#include "agent/refuse.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/cleanup.h"
#include "base/error.h"

#define MAX_REFUSED 64
#define GOODBYE_MS 200
#define MAX_READS 16

static void say_goodbye(int fd, const char *answer, size_t n_bytes)
{
	const struct timeval limit = { .tv_usec = GOODBYE_MS * 1000 };
	char request[4096];

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	/* Whoever does not read it has gone. */
	if (send(fd, answer, n_bytes, MSG_NOSIGNAL) != (ssize_t)n_bytes)
		return;
	(void)shutdown(fd, SHUT_WR);
	/* Closing over unread bytes would reset the connection and take the answer along. */
	for (int i = 0; i < MAX_READS && recv(fd, request, sizeof(request), 0) > 0;)
		i++;
}

void refuse_waiting(int listen_fd, const char *what, const char *sentence)
{
	char answer[ERROR_MAX_BYTES + 256];
	int n_bytes = snprintf(answer, sizeof(answer),
			       "HTTP/1.1 503 Service Unavailable\r\n"
			       "Content-Type: text/plain; charset=utf-8\r\n"
			       "Content-Length: %zu\r\nConnection: close\r\n\r\n%s: %s\n",
			       strlen(what) + strlen(": \n") + strlen(sentence), what, sentence);

	if (n_bytes < 0 || (size_t)n_bytes >= sizeof(answer))
		return;
	for (int i = 0; i < MAX_REFUSED; i++) {
		struct pollfd waiting = { .fd = listen_fd, .events = POLLIN };
		DV_AUTO_CLOSE int fd = -1;

		if (poll(&waiting, 1, 0) <= 0)
			return;
		fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			return;
		say_goodbye(fd, answer, (size_t)n_bytes);
	}
}
