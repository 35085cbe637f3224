/* connection.c - see connection.h. */
#include "daemon/connection.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "daemon/request.h"

/* Records written in one go, so that one reader of thousands of rows does not keep the
 * others waiting. */
#define PUMP_MAX_RECORDS 16
/* Packets thrown away before a close. */
#define DRAIN_MAX_PACKETS 16

/* Closing a unix socket with unread packets makes the peer see ECONNRESET before the
 * answer that is on its way to it. */
static void drain(int fd)
{
	char byte;

	for (int i = 0; i < DRAIN_MAX_PACKETS; i++) {
		if (recv(fd, &byte, sizeof(byte), MSG_DONTWAIT) < 0)
			return;
	}
}

void connection_close(struct connection *connection)
{
	TAILQ_REMOVE(&connection->list->head, connection, in_list);
	connection->list->n--;
	sd_event_source_disable_unref(connection->source);
	answer_free(connection->answer);
	drain(connection->fd);
	dv_closep(&connection->fd);
	free(connection->stash);
	free(connection);
}

static void set_interest(struct connection *connection, uint32_t events)
{
	if (connection->interest == events)
		return;
	if (events & EPOLLOUT)
		connection->since_ms = clock_now_ms();
	connection->interest = events;
	/* Fails only for a source that is gone. */
	(void)sd_event_source_set_io_events(connection->source, events);
}

/* 0 when it is on its way, -EAGAIN when the peer's queue is full, else it is gone. */
static int send_packet(struct connection *connection, const void *bytes, size_t n_bytes)
{
	while (send(connection->fd, bytes, n_bytes, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		if (errno != EINTR)
			return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	}
	return 0;
}

static int stash_packet(struct connection *connection, const struct record_writer *writer)
{
	connection->stash = malloc(writer->n_bytes);
	if (!connection->stash)
		return -ENOMEM;
	memcpy(connection->stash, writer->buffer, writer->n_bytes);
	connection->n_stash = writer->n_bytes;
	return -EAGAIN;
}

/* 0, -EAGAIN with the packet kept, or another error. */
static int send_record(struct connection *connection, struct record_writer *writer)
{
	int r;

	if (record_finish(writer) < 0)
		answer_write_error(writer, PROTO_CODE_FAILED,
				   "the answer does not fit into a packet");
	r = send_packet(connection, writer->buffer, writer->n_bytes);
	return r == -EAGAIN ? stash_packet(connection, writer) : r;
}

static int send_stash(struct connection *connection)
{
	int r = send_packet(connection, connection->stash, connection->n_stash);

	if (r < 0)
		return r;
	explicit_bzero(connection->stash, connection->n_stash);
	free(DV_TAKE_PTR(connection->stash));
	return 0;
}

/* 0 when there is nothing to write for now, 1 after one record, -EAGAIN, or an error. */
static int write_next(struct connection *connection)
{
	struct record_writer writer;
	int r;

	if (connection->stash) {
		r = send_stash(connection);
		return r < 0 ? r : 1;
	}
	if (!connection->answer)
		return 0;
	switch (connection->answer->ops->next(connection->answer, &writer)) {
	case ANSWER_WAIT:
		return 0;
	case ANSWER_LAST:
		answer_free(DV_TAKE_PTR(connection->answer));
		break;
	case ANSWER_RECORD:
		break;
	}
	r = send_record(connection, &writer);
	explicit_bzero(writer.buffer, writer.n_bytes); /* it may have been a credential */
	return r < 0 ? r : 1;
}

void connection_pump(struct connection *connection)
{
	int n = 0;
	int r = 1;

	for (; n < PUMP_MAX_RECORDS && r > 0; n += r > 0)
		r = write_next(connection);
	if (n > 0)
		connection->since_ms = clock_now_ms();
	if (r < 0 && r != -EAGAIN) {
		connection_close(connection);
		return;
	}
	if (connection->answer && connection->answer->ops->rest)
		connection->answer->ops->rest(connection->answer);
	if (r != 0)
		set_interest(connection, EPOLLOUT);
	else if (connection->answer)
		set_interest(connection, 0); /* a hangup is told all the same, epoll_ctl(2) */
	else if (connection->closing)
		connection_close(connection);
	else
		set_interest(connection, connection->paused ? 0 : EPOLLIN);
}

static bool take_token(struct connection *connection)
{
	int64_t now_ms = clock_now_ms();
	int64_t earned = (now_ms - connection->tokens_at_ms) * CONNECTION_PER_SECOND / 1000;

	if (earned > 0) {
		int64_t n = connection->n_tokens + earned;

		connection->n_tokens = n > CONNECTION_BURST ? CONNECTION_BURST : (unsigned int)n;
		connection->tokens_at_ms = now_ms;
	}
	if (connection->n_tokens == 0)
		return false;
	connection->n_tokens--;
	return true;
}

static void answer_request(struct connection *connection, const void *bytes, size_t n_bytes)
{
	const struct request_peer peer = { connection->uid, connection->socket };
	struct record_writer reply;
	int r;

	connection->since_ms = clock_now_ms();
	if (take_token(connection)) {
		connection->answer = request_handle(connection->daemon, &peer, bytes, n_bytes,
						    &reply, &connection->closing);
	} else {
		answer_write_error(&reply, PROTO_CODE_BUSY,
				   "more than %d requests a second on one connection",
				   CONNECTION_PER_SECOND);
		connection->paused = true;
	}
	if (!connection->answer) {
		r = send_record(connection, &reply);
		if (r < 0 && r != -EAGAIN) {
			connection_close(connection);
			return;
		}
	}
	connection_pump(connection);
}

static void read_request(struct connection *connection)
{
	char bytes[RECORD_MAX_BYTES];
	/* MSG_TRUNC: the packet's real length, so that a cut one is seen as too long. */
	ssize_t n = recv(connection->fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_TRUNC);

	if (n > 0) {
		answer_request(connection, bytes, (size_t)n);
		/* It may be a credential. */
		explicit_bzero(bytes, (size_t)n < sizeof(bytes) ? (size_t)n : sizeof(bytes));
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		connection_close(connection);
	}
}

static int on_io(sd_event_source *source DV_UNUSED, int fd DV_UNUSED, uint32_t events,
		 void *context)
{
	struct connection *connection = context;
	bool is_waiting = connection->answer || connection->stash;

	/* Who asked and left at once is still heard: with EPOLLIN the request is there. */
	if ((events & (EPOLLHUP | EPOLLERR)) && (is_waiting || !(events & EPOLLIN)))
		connection_close(connection);
	else if (is_waiting)
		connection_pump(connection);
	else
		read_request(connection);
	return 0;
}

static void give_up(struct connection *connection)
{
	struct record_writer writer;

	answer_free(DV_TAKE_PTR(connection->answer));
	answer_write_error(&writer, PROTO_CODE_TIMEOUT, "not prepared within %d s",
			   CONNECTION_LOGIN_MS / 1000);
	(void)send_record(connection, &writer); /* nobody may be there any more */
	connection_close(connection);
}

void connection_tick(struct connection *connection, int64_t now_ms)
{
	int64_t for_ms = now_ms - connection->since_ms;
	bool is_login = connection->socket == PROTO_SOCKET_PAM;

	if (connection->interest & EPOLLOUT) {
		if (for_ms >= CONNECTION_BLOCKED_MS)
			connection_close(connection);
	} else if (connection->answer) {
		if (is_login && for_ms >= CONNECTION_LOGIN_MS)
			give_up(connection);
		else if (connection->answer->ops->every_second)
			connection_pump(connection);
	} else if (for_ms >= CONNECTION_IDLE_MS) {
		connection_close(connection);
	} else if (connection->paused) {
		connection->paused = false;
		set_interest(connection, EPOLLIN);
	}
}

int connection_new(struct connection_list *list, struct daemon *daemon, int fd, uid_t uid,
		   enum proto_socket socket, struct dv_error *err)
{
	DV_AUTO_FREE struct connection *connection = calloc(1, sizeof(*connection));
	int r;

	if (!connection)
		return dv_fail(err, -ENOMEM, "serve a connection");
	*connection = (struct connection){
		.list = list,
		.daemon = daemon,
		.fd = fd,
		.uid = uid,
		.socket = socket,
		.interest = EPOLLIN,
		.n_tokens = CONNECTION_BURST,
		.tokens_at_ms = clock_now_ms(),
		.since_ms = clock_now_ms(),
	};
	r = sd_event_add_io(daemon->event, &connection->source, fd, EPOLLIN, on_io, connection);
	if (r < 0)
		return dv_fail(err, r, "serve a connection");
	if (socket == PROTO_SOCKET_PAM)
		(void)sd_event_source_set_priority(connection->source, DAEMON_PRIORITY_PAM);
	TAILQ_INSERT_TAIL(&list->head, connection, in_list);
	list->n++;
	connection = NULL; /* the list's */
	return 0;
}
