/* websocket.c - see websocket.h. A request of one write, and the first line of the answer. */
#include "t3/websocket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"

#define ANSWER_BYTES 512
#define STATUS_AT strlen("HTTP/1.1 ")
#define STATUS_DIGITS 3
/* The nonce of RFC 6455's own example: it need not be secret, and we do not go on to talk. */
#define NONCE "dGhlIHNhbXBsZSBub25jZQ=="

static int wait_for(int fd, short events, int64_t deadline_ms)
{
	struct pollfd ready = { .fd = fd, .events = events };
	int n;

	do {
		n = poll(&ready, 1, clock_left_ms(deadline_ms));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n == 0 ? -ETIMEDOUT : 0;
}

static int connect_to(const struct t3_server *server, int64_t deadline_ms, int *ret_fd)
{
	DV_AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(server->port) };
	socklen_t n = sizeof(int);
	int failure = 0;
	int r;

	if (fd < 0)
		return -errno;
	if (inet_pton(AF_INET, server->host, &to.sin_addr) != 1)
		return -EINVAL;
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		if (errno != EINPROGRESS)
			return -errno;
		r = wait_for(fd, POLLOUT, deadline_ms);
		if (r == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &n) < 0)
			r = -errno;
		if (r < 0 || failure)
			return r < 0 ? r : -failure;
	}
	*ret_fd = DV_TAKE_FD(fd);
	return 0;
}

/* Up to the end of its first line. */
static int read_line(int fd, int64_t deadline_ms, char ret_line[static ANSWER_BYTES])
{
	size_t n_bytes = 0;

	ret_line[0] = '\0';
	while (n_bytes + 1 < ANSWER_BYTES && !strchr(ret_line, '\n')) {
		int r = wait_for(fd, POLLIN, deadline_ms);
		ssize_t n = r < 0 ? 0 : recv(fd, ret_line + n_bytes, ANSWER_BYTES - 1 - n_bytes, 0);

		if (r < 0)
			return r;
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue; /* poll(2), BUGS */
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		n_bytes += (size_t)n;
		ret_line[n_bytes] = '\0';
	}
	return 0;
}

int t3_ask_websocket(const struct t3_server *server, const char *cookies, int64_t deadline_ms,
		     unsigned int *ret_status, struct dv_error *err)
{
	DV_AUTO_SECRET struct secret request = { 0 };
	DV_AUTO_CLOSE int fd = -1;
	char line[ANSWER_BYTES];
	uint64_t status = 0;
	int n, r = server->may_ask ? server->may_ask(server->context, err) : 0;

	if (r < 0)
		return r;
	n = asprintf(&request.text,
		     "GET /ws HTTP/1.1\r\nHost: %s:%u\r\nUpgrade: websocket\r\n"
		     "Connection: Upgrade\r\nSec-WebSocket-Key: " NONCE "\r\n"
		     "Sec-WebSocket-Version: 13\r\nOrigin: http://%s:%u\r\n%s%s%s\r\n",
		     server->host, server->port, server->host, server->port,
		     cookies ? "Cookie: " : "", cookies ? cookies : "", cookies ? "\r\n" : "");
	if (n < 0) {
		request.text = NULL;
		return dv_fail(err, -ENOMEM, "ask for a WebSocket");
	}
	request.n_bytes = (size_t)n;
	r = connect_to(server, deadline_ms, &fd);
	if (r == 0)
		r = wait_for(fd, POLLOUT, deadline_ms);
	/* A new connection's buffer takes it whole. */
	if (r == 0 &&
	    send(fd, request.text, request.n_bytes, MSG_NOSIGNAL) != (ssize_t)request.n_bytes)
		r = -EIO;
	if (r == 0)
		r = read_line(fd, deadline_ms, line);
	if (r < 0)
		return dv_fail(err, r, "ask for a WebSocket");
	line[STATUS_AT + STATUS_DIGITS] = '\0';
	if (!str_starts_with(line, "HTTP/1.1 ") ||
	    str_to_uint(line + STATUS_AT, 999, &status) < 0 || status < 100)
		return dv_refuse(err, -EBADMSG, "the answer on /ws is no HTTP");
	*ret_status = (unsigned int)status;
	return 0;
}
