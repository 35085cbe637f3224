/* alive.c - see alive.h. One loop of poll(2): connect, write a short request, read the first line's status. */
#include "t3/alive.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/str.h"
#include "t3/listener.h"

#define REQUEST                                                                                    \
	"GET /.well-known/t3/environment HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"                       \
	"Accept: application/json\r\nConnection: close\r\n\r\n"
#define REQUEST_BYTES 160
#define VERSION "HTTP/1." /* then a digit, a blank and the status */
#define HEAD_BYTES (sizeof("HTTP/1.1 200") - 1)
#define STATUS_AT (sizeof("HTTP/1.1 ") - 1)
#define FIRST_ERROR 500

struct asking {
	struct alive *server;
	bool is_sent;
	char head[HEAD_BYTES + 1];
	size_t n_head;
};

static void say(struct alive *server, enum alive_answer answer, const char *text)
{
	server->answer = answer;
	(void)snprintf(server->text, sizeof(server->text), "%s", text);
}

/* Without a bus, a kernel that answers or a descriptor nobody can tell how they are. */
static void say_ours(struct alive *server, const char *text)
{
	say(server, ALIVE_UNSET, text);
}

static void say_closed(struct alive *server, int error)
{
	if (error == ECONNREFUSED)
		say(server, ALIVE_REFUSED, "its port refuses connections");
	else
		say(server, ALIVE_REFUSED, "it ends connections without an answer");
}

/* Whether somebody may be asked there. */
static bool may_ask(struct alive *server)
{
	enum listener listener = LISTENER_UNSET;
	struct dv_error err = { "" };

	if (listener_look(server->port, server->uid, &listener, &err) < 0) {
		say_ours(server, err.text);
		return false;
	}
	if (listener == LISTENER_NONE)
		say(server, ALIVE_REFUSED, "nobody listens on its port");
	if (listener == LISTENER_FOREIGN)
		say(server, ALIVE_FOREIGN, "somebody else listens on its port");
	return listener == LISTENER_OWN;
}

/* -1 where there is nothing to wait for. */
static int begin(struct asking *asking, struct alive *server)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons(server->port),
					.sin_addr = { htonl(INADDR_LOOPBACK) } };
	DV_AUTO_CLOSE int fd = -1;

	*asking = (struct asking){ .server = server };
	if (!may_ask(server))
		return -1;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		say_ours(server, "no socket is to be had");
		return -1;
	}
	say(server, ALIVE_TIMEOUT, "it does not answer in time");
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS) {
		say_closed(server, errno);
		return -1;
	}
	return DV_TAKE_FD(fd);
}

/* Whether that is all of it. A new connection's buffer takes the request whole. */
static bool send_request(struct asking *asking, int fd)
{
	char request[REQUEST_BYTES];
	int n = snprintf(request, sizeof(request), REQUEST, asking->server->port);
	int error = 0;
	socklen_t n_error = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n_error) < 0)
		error = errno;
	if (!error && send(fd, request, (size_t)n, MSG_NOSIGNAL) < 0)
		error = errno;
	if (error)
		say_closed(asking->server, error);
	asking->is_sent = true;
	return error != 0;
}

static void judge(struct asking *asking)
{
	uint64_t status = 0;

	asking->head[HEAD_BYTES] = '\0';
	if (!str_starts_with(asking->head, VERSION) ||
	    str_to_uint(asking->head + STATUS_AT, 999, &status) < 0) {
		say(asking->server, ALIVE_ERROR, "what it answers is no HTTP");
		return;
	}
	say(asking->server, ALIVE_YES, "");
	if (status < FIRST_ERROR)
		return;
	asking->server->answer = ALIVE_ERROR;
	(void)snprintf(asking->server->text, ALIVE_TEXT_BYTES, "it answers %u",
		       (unsigned int)status);
}

static bool read_head(struct asking *asking, int fd)
{
	ssize_t n = recv(fd, asking->head + asking->n_head, HEAD_BYTES - asking->n_head, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		say_closed(asking->server, n < 0 ? errno : 0);
		return true;
	}
	asking->n_head += (size_t)n;
	if (asking->n_head < HEAD_BYTES)
		return false;
	judge(asking);
	return true;
}

static void forget(struct pollfd *poll)
{
	dv_closep(&poll->fd); /* poll(2) leaves out what is negative */
	poll->fd = -1;
}

static void ask_some(struct alive *servers, size_t n_servers, int64_t deadline_ms)
{
	struct asking asking[ALIVE_AT_ONCE];
	struct pollfd polls[ALIVE_AT_ONCE];
	size_t n_left = 0;

	for (size_t i = 0; i < n_servers; i++) {
		polls[i] =
			(struct pollfd){ .fd = begin(&asking[i], &servers[i]), .events = POLLOUT };
		n_left += polls[i].fd >= 0;
	}
	while (n_left > 0 && clock_left_ms(deadline_ms) > 0) {
		/* EINTR: nothing is ready then. */
		int n = poll(polls, (nfds_t)n_servers, clock_left_ms(deadline_ms));

		for (size_t i = 0; n > 0 && i < n_servers; i++) {
			bool is_over;

			if (polls[i].fd < 0 || polls[i].revents == 0)
				continue;
			is_over = asking[i].is_sent ? read_head(&asking[i], polls[i].fd)
						    : send_request(&asking[i], polls[i].fd);
			polls[i].events = POLLIN;
			if (!is_over)
				continue;
			forget(&polls[i]);
			n_left--;
		}
	}
	for (size_t i = 0; i < n_servers; i++)
		forget(&polls[i]);
}

void alive_ask(struct alive *servers, size_t n_servers, int64_t timeout_ms)
{
	for (size_t at = 0; at < n_servers; at += ALIVE_AT_ONCE)
		ask_some(servers + at,
			 n_servers - at < ALIVE_AT_ONCE ? n_servers - at : ALIVE_AT_ONCE,
			 clock_deadline_ms(timeout_ms));
}
