/* server.c - see server.h. */
#include "dispatch/server.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"

#define MAX_CONNECTIONS 512
#define READ_BYTES 16384
/* nginx keeps an idle connection for a minute (conf/nginx/devvm.conf). */
#define REQUEST_USEC (60 * UINT64_C(1000000))
#define IDLE_USEC (300 * UINT64_C(1000000))

struct connection {
	struct door_call call; /* the first member: a reply finds us by it */
	struct dispatch_server *server;
	int fd;
	sd_event_source *io, *deadline;
	struct fcgi fcgi;
	uint8_t in[READ_BYTES];
	size_t n_in, n_used;
	uint8_t *out;
	size_t n_out, n_sent;
	bool waits; /* for a reply */
	bool gone;  /* while it waited: freed by the reply */
};

static void connection_free(struct connection *connection)
{
	(void)sd_event_source_disable_unref(connection->io);
	(void)sd_event_source_disable_unref(connection->deadline);
	if (connection->fd >= 0)
		(void)close(connection->fd); /* a socket */
	connection->io = connection->deadline = NULL;
	connection->fd = -1;
	if (connection->waits) {
		connection->gone = true;
		return;
	}
	connection->server->n_connections--;
	fcgi_done(&connection->fcgi);
	free(connection->out);
	explicit_bzero(connection->in, sizeof(connection->in));
	free(connection);
}

static void set_deadline(struct connection *connection, uint64_t usec)
{
	(void)sd_event_source_set_time_relative(connection->deadline, usec);
	(void)sd_event_source_set_enabled(connection->deadline, SD_EVENT_ONESHOT);
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
		explicit_bzero(connection->out, connection->n_out);
		free(connection->out);
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
		free(text);
		connection_free(connection);
		return;
	}
	r = fcgi_answer(&connection->fcgi, text, n_bytes, &connection->out, &connection->n_out);
	explicit_bzero(text, n_bytes);
	free(text);
	if (r < 0) {
		connection_free(connection);
		return;
	}
	/* What waits behind it is read in a turn of its own: no recursion. */
	set_deadline(connection, REQUEST_USEC);
	(void)sd_event_source_set_io_events(connection->io, EPOLLOUT);
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
		connection->waits = true;
		(void)sd_event_source_set_enabled(connection->deadline, SD_EVENT_OFF);
		(void)sd_event_source_set_io_events(connection->io, 0);
		door_ask(connection->server->door, &connection->fcgi, &connection->call);
	}
}

static int on_io(sd_event_source *source DV_UNUSED, int fd, uint32_t revents, void *context)
{
	struct connection *connection = context;
	ssize_t n;

	if (connection->waits) { /* it hung up meanwhile */
		connection_free(connection);
		return 0;
	}
	if (connection->out) {
		if (revents & (EPOLLERR | EPOLLHUP))
			connection_free(connection);
		else if (flush_out(connection) && connection->n_used < connection->n_in)
			read_requests(connection);
		return 0;
	}
	n = recv(fd, connection->in, sizeof(connection->in), 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		connection_free(connection);
		return 0;
	}
	connection->n_in = (size_t)n;
	connection->n_used = 0;
	if (connection->fcgi.n_header == 0 && connection->fcgi.id == 0)
		set_deadline(connection, REQUEST_USEC);
	read_requests(connection);
	return 0;
}

static int on_deadline(sd_event_source *source DV_UNUSED, uint64_t usec DV_UNUSED, void *context)
{
	connection_free(context);
	return 0;
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

static int add_connection(struct dispatch_server *server, int fd)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	int r;

	if (!connection)
		return -ENOMEM;
	connection->server = server;
	connection->call.reply = on_reply;
	connection->fd = fd;
	server->n_connections++;
	r = sd_event_add_io(server->event, &connection->io, fd, EPOLLIN, on_io, connection);
	if (r >= 0)
		r = sd_event_add_time_relative(server->event, &connection->deadline,
					       CLOCK_MONOTONIC, REQUEST_USEC, 0, on_deadline,
					       connection);
	if (r < 0)
		connection_free(connection);
	return 0;
}

static int on_connect(sd_event_source *source DV_UNUSED, int listen_fd, uint32_t revents DV_UNUSED,
		      void *context)
{
	struct dispatch_server *server = context;
	DV_AUTO_CLOSE int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0 || !may_connect(server, fd))
		return 0;
	if (server->n_connections >= MAX_CONNECTIONS) {
		log_warning("more than %d connections of nginx", MAX_CONNECTIONS);
		return 0;
	}
	if (add_connection(server, fd) == 0)
		(void)DV_TAKE_FD(fd);
	return 0;
}

int dispatch_server_start(struct dispatch_server *server, int fd, struct dv_error *err)
{
	int r = fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;

	if (r == 0)
		r = sd_event_add_io(server->event, NULL, fd, EPOLLIN, on_connect, server);
	return r < 0 ? dv_fail(err, r, "serve nginx") : 0;
}
