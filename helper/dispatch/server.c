/* server.c - see server.h. */
#include "dispatch/server.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"

#define MAX_CONNECTIONS 512
#define MAX_TURNED_AWAY 256 /* besides; their requests are told to come back */
#define MAX_ACCEPTS 32	    /* in one turn of the loop */
#define READ_BYTES 16384
/* nginx keeps an idle connection for a minute (conf/nginx/devvm.conf). */
#define REQUEST_USEC (60 * UINT64_C(1000000))
#define IDLE_USEC (300 * UINT64_C(1000000))
#define SWEEP_USEC (5 * UINT64_C(1000000)) /* which is how exact the two are */

struct connection {
	struct door_call call; /* the first member: a reply finds us by it */
	struct dispatch_server *server;
	int fd;
	sd_event_source *io;
	struct connection *previous, *next;
	uint64_t deadline_usec; /* 0: none, it waits for a reply */
	bool is_too_many;
	struct fcgi fcgi;
	uint8_t in[READ_BYTES];
	size_t n_in, n_used;
	uint8_t *out;
	size_t n_out, n_sent;
	bool waits; /* for a reply */
	bool gone;  /* while it waited: freed by the reply */
};

static void unlink_connection(struct connection *connection)
{
	struct dispatch_server *server = connection->server;

	if (connection->previous)
		connection->previous->next = connection->next;
	else
		server->first = connection->next;
	if (connection->next)
		connection->next->previous = connection->previous;
}

/* It may hold the cookies of a session. */
static void free_answer(void *bytes, size_t n_bytes)
{
	if (bytes)
		explicit_bzero(bytes, n_bytes);
	free(bytes);
}

static void connection_free(struct connection *connection)
{
	(void)sd_event_source_disable_unref(connection->io);
	if (connection->fd >= 0)
		(void)close(connection->fd); /* a socket */
	connection->io = NULL;
	connection->fd = -1;
	if (connection->waits) {
		connection->gone = true;
		return;
	}
	connection->server->n_connections--;
	unlink_connection(connection);
	fcgi_done(&connection->fcgi);
	free_answer(connection->out, connection->n_out);
	explicit_bzero(connection->in, sizeof(connection->in));
	free(connection);
}

static uint64_t now_usec(const struct dispatch_server *server)
{
	uint64_t now = 0;

	(void)sd_event_now(server->event, CLOCK_MONOTONIC, &now);
	return now;
}

static void set_deadline(struct connection *connection, uint64_t usec)
{
	connection->deadline_usec = now_usec(connection->server) + usec;
}

/* false: it was freed. */
static bool flush_out(struct connection *connection)
{
	while (connection->n_sent < connection->n_out) {
		ssize_t n = send(connection->fd, connection->out + connection->n_sent,
				 connection->n_out - connection->n_sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			(void)sd_event_source_set_io_events(connection->io, EPOLLOUT);
			return true;
		}
		if (n < 0) {
			connection_free(connection);
			return false;
		}
		connection->n_sent += (size_t)n;
	}
	if (connection->out) {
		free_answer(connection->out, connection->n_out);
		connection->out = NULL;
		connection->n_out = connection->n_sent = 0;
		if (!connection->fcgi.keeps) {
			connection_free(connection);
			return false;
		}
		fcgi_next(&connection->fcgi);
		set_deadline(connection, IDLE_USEC);
	}
	(void)sd_event_source_set_io_events(connection->io, EPOLLIN);
	return true;
}

static void read_requests(struct connection *connection);

static void on_reply(struct door_call *call, char *text, size_t n_bytes)
{
	struct connection *connection = (struct connection *)call;
	int r;

	connection->waits = false;
	if (connection->gone || !text) {
		free_answer(text, n_bytes);
		connection_free(connection);
		return;
	}
	r = fcgi_answer(&connection->fcgi, text, n_bytes, &connection->out, &connection->n_out);
	free_answer(text, n_bytes);
	if (r < 0) {
		connection_free(connection);
		return;
	}
	set_deadline(connection, REQUEST_USEC);
	/* What waits behind it is read in a turn of its own: no recursion. */
	if (connection->n_used < connection->n_in)
		(void)sd_event_source_set_io_events(connection->io, EPOLLOUT);
	else
		(void)flush_out(connection);
}

static void ask_door(struct connection *connection)
{
	connection->waits = true;
	connection->deadline_usec = 0;
	if (connection->is_too_many) {
		connection->fcgi.keeps = false; /* the next may be one of those that fit */
		call_message(&connection->call, 503, "The machine is busy",
			     "Too many requests wait for an answer. Try again in a minute.", NULL);
	} else {
		door_ask(connection->server->door, &connection->fcgi, &connection->call);
	}
}

static void read_requests(struct connection *connection)
{
	struct dv_error err = { "" };
	size_t n_used = 0;
	int r = fcgi_feed(&connection->fcgi, connection->in + connection->n_used,
			  connection->n_in - connection->n_used, &n_used, &err);

	connection->n_used += n_used;
	if (r < 0) {
		log_warning("a connection of nginx is closed: %s", err.text);
		connection_free(connection);
	} else if (r == 1) {
		ask_door(connection);
	}
}

static void take_bytes(struct connection *connection)
{
	ssize_t n = recv(connection->fd, connection->in, sizeof(connection->in), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		connection_free(connection);
		return;
	}
	connection->n_in = (size_t)n;
	connection->n_used = 0;
	if (connection->fcgi.n_header == 0 && connection->fcgi.id == 0)
		set_deadline(connection, REQUEST_USEC);
	read_requests(connection);
}

static int on_io(sd_event_source *source, int fd DV_UNUSED, uint32_t revents, void *context)
{
	struct connection *connection = context;

	/* nginx ends each connection over which it was told where a request goes: nobody is left to answer. */
	if (revents & (EPOLLERR | EPOLLHUP))
		connection_free(connection);
	else if (connection->waits) /* what comes meanwhile is read afterwards */
		(void)sd_event_source_set_io_events(source, 0);
	else if (!connection->out)
		take_bytes(connection);
	else if (flush_out(connection) && !connection->out && connection->n_used < connection->n_in)
		read_requests(connection);
	return 0;
}

/* One timer for all: one each would be set anew, by a system call, several times a request. */
static int on_sweep(sd_event_source *source, uint64_t usec DV_UNUSED, void *context)
{
	struct dispatch_server *server = context;
	uint64_t now = now_usec(server);
	struct connection *next;

	for (struct connection *connection = server->first; connection; connection = next) {
		next = connection->next;
		if (connection->deadline_usec > 0 && connection->deadline_usec <= now)
			connection_free(connection);
	}
	if (!server->first)
		return 0;
	(void)sd_event_source_set_time_relative(source, SWEEP_USEC);
	(void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

static int start_sweep(struct dispatch_server *server)
{
	int enabled = SD_EVENT_OFF, r;

	if (!server->sweep) {
		r = sd_event_add_time_relative(server->event, &server->sweep, CLOCK_MONOTONIC,
					       SWEEP_USEC, 0, on_sweep, server);
		if (r >= 0)
			r = sd_event_source_set_floating(server->sweep, 1);
		(void)sd_event_source_unref(server->sweep); /* the loop's, for good */
		return r;
	}
	r = sd_event_source_get_enabled(server->sweep, &enabled);
	if (r < 0 || enabled != SD_EVENT_OFF)
		return r;
	r = sd_event_source_set_time_relative(server->sweep, SWEEP_USEC);
	return r < 0 ? r : sd_event_source_set_enabled(server->sweep, SD_EVENT_ONESHOT);
}

static bool may_connect(const struct dispatch_server *server, int fd)
{
	struct ucred peer = { 0 };
	socklen_t n = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0)
		return false;
	if (peer.uid == 0 || peer.uid == server->nginx_uid)
		return true;
	log_warning("uid %u is not nginx's and was turned away", peer.uid);
	return false;
}

/* Takes `fd` unless it fails. */
static int add_connection(struct dispatch_server *server, int fd)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	sd_event_source *io = NULL;
	int r = connection ? start_sweep(server) : -ENOMEM;

	if (r >= 0)
		r = sd_event_add_io(server->event, &io, fd, EPOLLIN, on_io, connection);
	if (r < 0) {
		free(connection);
		return r;
	}
	connection->server = server;
	connection->call.reply = on_reply;
	connection->fd = fd;
	connection->io = io;
	connection->is_too_many = server->n_connections >= MAX_CONNECTIONS;
	connection->next = server->first;
	if (server->first)
		server->first->previous = connection;
	server->first = connection;
	server->n_connections++;
	set_deadline(connection, REQUEST_USEC);
	take_bytes(connection); /* nginx sends as soon as it is connected */
	return 0;
}

static int on_connect(sd_event_source *source DV_UNUSED, int listen_fd, uint32_t revents DV_UNUSED,
		      void *context)
{
	struct dispatch_server *server = context;

	for (int i = 0; i < MAX_ACCEPTS; i++) {
		DV_AUTO_CLOSE int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return 0;
		if (!may_connect(server, fd))
			continue;
		if (server->n_connections >= MAX_CONNECTIONS + MAX_TURNED_AWAY)
			log_warning("more than %d connections of nginx",
				    MAX_CONNECTIONS + MAX_TURNED_AWAY);
		else if (add_connection(server, fd) == 0)
			(void)DV_TAKE_FD(fd);
	}
	return 0;
}

int dispatch_server_start(struct dispatch_server *server, int fd, struct dv_error *err)
{
	int r = fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
	sd_event_source *source = NULL;

	if (r == 0)
		r = sd_event_add_io(server->event, &source, fd, EPOLLIN, on_connect, server);
	/* Those that ended are let go before others are let in. */
	if (r >= 0)
		r = sd_event_source_set_priority(source, SD_EVENT_PRIORITY_NORMAL + 1);
	if (r >= 0)
		r = sd_event_source_set_floating(source, 1);
	(void)sd_event_source_unref(source);
	return r < 0 ? dv_fail(err, r, "serve nginx") : 0;
}
