/* line.c - see line.h. */
#include "dispatch/line.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_BYTES 16384

bool line_is_of(const struct line *line, const struct pair_target *target)
{
	return line->uid == target->uid && line->port == target->port;
}

bool line_is_silent(const struct line *line)
{
	char byte;

	return recv(line->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

bool line_is_stale(const struct line *line)
{
	return line->is_used && line->n_in == 0;
}

void line_close(struct line *line)
{
	line->io = sd_event_source_disable_unref(line->io);
	(void)close(line->fd); /* a socket */
	line->fd = -1;
	explicit_bzero(line->in, line->n_in);
}

/* What it answers is a person's. */
bool line_rest(struct line *line)
{
	if (!line->answer.keeps)
		return false;
	explicit_bzero(line->in, line->n_in);
	line->n_in = 0;
	line->answer = (struct answer){ 0 };
	line->target = NULL;
	line->cookies = NULL;
	line->is_used = true;
	return true;
}

/* ---- a question ----------------------------------------------------------------------- */

static int send_question(const struct line *line, struct dv_error *err)
{
	char request[REQUEST_BYTES];
	ssize_t n_sent;
	int n = snprintf(request, sizeof(request),
			 "GET " T3_SESSION_PATH " HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
			 "Accept: */*\r\nCookie: %s\r\n\r\n",
			 line->port, line->cookies);

	if (n < 0 || (size_t)n >= sizeof(request)) {
		explicit_bzero(request, sizeof(request));
		return dv_refuse(err, -E2BIG, "its cookies are too long");
	}
	n_sent = send(line->fd, request, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
	explicit_bzero(request, (size_t)n);
	/* What is smaller than an empty buffer goes whole, unless the peer is gone. */
	if (n_sent != n)
		return dv_fail(err, n_sent < 0 ? -errno : -EIO, "ask %s's server for the session",
			       line->target->user);
	return 0;
}

int line_ask(struct line *line, const struct pair_target *target, const char *cookies,
	     struct dv_error *err)
{
	line->target = target;
	line->cookies = cookies;
	return send_question(line, err);
}

/* ---- a connection --------------------------------------------------------------------- */

static int on_line(sd_event_source *source, int fd, uint32_t revents, void *context);

static int connect_line(struct line *line, struct dv_error *err)
{
	const struct sockaddr_in address = { .sin_family = AF_INET,
					     .sin_port = htons(line->port),
					     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const int on = 1;

	(void)setsockopt(line->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(line->fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return dv_fail(err, -errno, "connect to %s's server", line->target->user);
	line->is_connecting = true;
	return 0;
}

/* Its listener is looked at on both sides of the connection's making. */
static int begin_line(struct line *line, struct dv_error *err)
{
	int r = pair_require(line->target, err);

	return r < 0 ? r : send_question(line, err);
}

int line_open(struct line *line, sd_event *event, const struct pair_target *target,
	      const char *cookies, struct dv_error *err)
{
	int r = pair_require(target, err);

	if (r < 0)
		return r;
	line->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (line->fd < 0)
		return dv_fail(err, -errno, "connect to %s's server", target->user);
	line->uid = target->uid;
	line->port = target->port;
	line->target = target;
	line->cookies = cookies;
	r = connect_line(line, err);
	if (r == 0 && sd_event_add_io(event, &line->io, line->fd,
				      line->is_connecting ? EPOLLOUT : EPOLLIN, on_line, line) < 0)
		r = dv_fail(err, -ENOMEM, "wait for %s's server", target->user);
	if (r == 0 && !line->is_connecting)
		r = begin_line(line, err);
	if (r < 0)
		line_close(line);
	return r;
}

static void end_connecting(struct line *line)
{
	struct dv_error err = { "" };
	int failed = 0, r;
	socklen_t n = sizeof(failed);

	if (getsockopt(line->fd, SOL_SOCKET, SO_ERROR, &failed, &n) < 0)
		failed = errno;
	line->is_connecting = false;
	(void)sd_event_source_set_io_events(line->io, EPOLLIN);
	r = failed ? dv_fail(&err, -failed, "connect to %s's server", line->target->user)
		   : begin_line(line, &err);
	if (r < 0)
		line->on_end(line, r, T3_SESSION_UNSET, &err);
}

/* ---- an answer ------------------------------------------------------------------------ */

static void end_answer(struct line *line)
{
	const struct answer *answer = &line->answer;
	const struct dv_error none = { "" };

	line->on_end(line, 0, t3_read_session(line->in + answer->at_body, answer->n_body), &none);
}

static void read_line(struct line *line)
{
	struct dv_error err = { "" };
	ssize_t n = recv(line->fd, line->in + line->n_in, sizeof(line->in) - line->n_in, 0);
	int r;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		r = dv_fail(&err, -errno, "hear %s's server", line->target->user);
		line->on_end(line, r, T3_SESSION_UNSET, &err);
		return;
	}
	line->n_in += (size_t)n;
	r = answer_read(&line->answer, line->in, line->n_in, n == 0, &err);
	if (r == 0 && line->n_in == sizeof(line->in))
		r = dv_refuse(&err, -EFBIG, "its server answered with more than %d bytes",
			      LINE_ANSWER_BYTES);
	if (r < 0)
		line->on_end(line, dv_prefix(&err, r, "ask for %s's session", line->target->user),
			     T3_SESSION_UNSET, &err);
	else if (r == 1)
		end_answer(line);
}

static int on_line(sd_event_source *source DV_UNUSED, int fd DV_UNUSED, uint32_t revents DV_UNUSED,
		   void *context)
{
	struct line *line = context;

	if (!line->target)
		line->on_lost(line);
	else if (line->is_connecting)
		end_connecting(line);
	else
		read_line(line);
	return 0;
}
