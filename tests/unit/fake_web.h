/* fake_web.h - a web server for a test: a child process on a loopback port of the kernel's
 * choosing, or on a unix socket, with a table of paths and what stands behind each. One request a connection. */
#ifndef DEVVM_TESTS_FAKE_WEB_H
#define DEVVM_TESTS_FAKE_WEB_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

struct fake_web_page {
	const char *path;
	const char *answer; /* sent as it stands; NULL: nothing, and the connection stays open */
};

#define FAKE_WEB_ECHO "\001echo" /* 200, and the request as the body */

struct fake_web {
	pid_t pid;
	unsigned int port;
	char url[64]; /* "http://127.0.0.1:PORT" */
};

static inline void fake_web_answer(int fd, const struct fake_web_page *pages)
{
	char request[8192];
	char path[256] = "";
	char head[128];
	size_t n_bytes = 0;
	ssize_t n;

	do {
		n = recv(fd, request + n_bytes, sizeof(request) - 1 - n_bytes, 0);
		n_bytes += n > 0 ? (size_t)n : 0;
		request[n_bytes] = '\0';
	} while (n > 0 && !strstr(request, "\r\n\r\n"));
	(void)sscanf(request, "%*s %255s", path);
	while (pages->path && strcmp(pages->path, path) != 0)
		pages++;
	if (pages->path && !pages->answer)
		return;
	if (pages->path && strcmp(pages->answer, FAKE_WEB_ECHO) == 0) {
		(void)snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
			       n_bytes);
		(void)send(fd, head, strlen(head), MSG_NOSIGNAL);
		(void)send(fd, request, n_bytes, MSG_NOSIGNAL);
	} else {
		const char *answer =
			pages->path ? pages->answer
				    : "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone";

		(void)send(fd, answer, strlen(answer), MSG_NOSIGNAL);
	}
	(void)shutdown(fd, SHUT_RDWR);
	(void)close(fd);
}

/* Listen on a free port; the socket is in `ret_fd`. */
static inline unsigned int fake_web_listen(int *ret_fd)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(address);

	*ret_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*ret_fd < 0 || bind(*ret_fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    getsockname(*ret_fd, (struct sockaddr *)&address, &n) < 0)
		return 0;
	return ntohs(address.sin_port);
}

static inline bool fake_web_serve(struct fake_web *web, int fd, const struct fake_web_page *pages)
{
	if (listen(fd, 16) < 0)
		return false;
	web->pid = fork();
	if (web->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			int peer = accept(fd, NULL, NULL);

			if (peer >= 0)
				fake_web_answer(peer, pages);
		}
	}
	(void)close(fd);
	return web->pid > 0;
}

/* False where it cannot be started. `pages` ends with a row without a path. */
static inline bool fake_web_start(struct fake_web *web, const struct fake_web_page *pages)
{
	int fd = -1;

	web->port = fake_web_listen(&fd);
	(void)snprintf(web->url, sizeof(web->url), "http://127.0.0.1:%u", web->port);
	return web->port != 0 && fake_web_serve(web, fd, pages);
}

/* The same on a unix socket of that path, which is to be free. */
static inline bool fake_web_start_at(struct fake_web *web, const char *path,
				     const struct fake_web_page *pages)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*web = (struct fake_web){ 0 };
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	       fake_web_serve(web, fd, pages);
}

static inline void fake_web_stop(struct fake_web *web)
{
	(void)kill(web->pid, SIGKILL);
	(void)waitpid(web->pid, NULL, 0);
}

#endif
