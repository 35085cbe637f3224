/* server.c - see server.h. */
#include "daemon/server.h"

#include <malloc.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/connection.h"

#define ACCEPT_AT_ONCE 16
/* Connections that were turned away and are open until they have read why. */
#define MAX_TURNED_AWAY 16
#define TICK_USEC 1000000
/* Connections after whose end the heap is given back. */
#define STORM 64

struct listener {
	struct server *server;
	enum proto_socket socket;
	sd_event_source *source; /* NULL where there is no such socket */
	struct connection_list list;
	unsigned int max;
};

struct server {
	struct daemon *daemon;
	struct listener pam, helper;
	sd_event_source *tick; /* on while anybody is connected */
	unsigned int peak;     /* of connections since the last time there were none */
	bool told_full;
	int turned_away[MAX_TURNED_AWAY]; /* -1 where there is none */
	unsigned int turned_away_at;
};

static unsigned int count_of_uid(const struct connection_list *list, uid_t uid)
{
	struct connection *connection;
	unsigned int n = 0;

	TAILQ_FOREACH(connection, &list->head, in_list)
	n += connection->uid == uid;
	return n;
}

unsigned int server_n_connections(const struct server *server)
{
	return server->pam.list.n + server->helper.list.n;
}

/* Takes the fd. A close at once would make the peer's request fail before it has read
 * the answer, so it is closed with the next tick, or when others need the place. */
static void turn_away(struct server *server, int fd, const struct dv_error *why)
{
	int *place = &server->turned_away[server->turned_away_at++ % MAX_TURNED_AWAY];
	struct record_writer writer;

	answer_write_error(&writer, PROTO_CODE_BUSY, "%s", why->text);
	/* A new socket has room for it; a peer that left needs no answer. */
	(void)send(fd, writer.buffer, writer.n_bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
	dv_closep(place);
	*place = fd;
	(void)sd_event_source_set_enabled(server->tick, SD_EVENT_ON);
}

static void close_turned_away(struct server *server)
{
	for (int i = 0; i < MAX_TURNED_AWAY; i++) {
		dv_closep(&server->turned_away[i]);
		server->turned_away[i] = -1;
	}
}

static int check_caps(const struct listener *listener, uid_t uid, struct dv_error *err)
{
	unsigned int per_uid = listener->server->daemon->config.connections_per_uid;
	unsigned int max = listener->max + (uid == 0 ? SERVER_MAX_MORE_ROOT : 0);

	if (listener->list.n >= max)
		return dv_refuse(err, -EBUSY, "more than %u connections", max);
	if (uid != 0 && count_of_uid(&listener->list, uid) >= per_uid)
		return dv_refuse(err, -EBUSY, "more than %u connections of uid %u", per_uid, uid);
	return 0;
}

static int serve(struct listener *listener, int fd, struct dv_error *err)
{
	struct server *server = listener->server;
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t n_peer = sizeof(peer);
	unsigned int n;
	int r;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n_peer) < 0)
		return dv_fail(err, -errno, "ask who connects");
	r = check_caps(listener, peer.uid, err);
	if (r == 0)
		r = connection_new(&listener->list, server->daemon, fd, peer.uid, listener->socket,
				   err);
	if (r < 0)
		return r;
	n = server_n_connections(server);
	if (n > server->peak)
		server->peak = n;
	(void)sd_event_source_set_enabled(server->tick, SD_EVENT_ON);
	return 0;
}

/* 0 when nobody else waits. */
static int accept_one(struct listener *listener, int listen_fd)
{
	DV_AUTO_CLOSE int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct server *server = listener->server;
	struct dv_error why = { "" };

	if (fd < 0)
		return errno == EINTR || errno == ECONNABORTED ? 1 : -errno;
	if (serve(listener, fd, &why) < 0) {
		if (!server->told_full)
			log_warning("a connection is turned away: %s", why.text);
		server->told_full = true;
		turn_away(server, DV_TAKE_FD(fd), &why);
		return 1;
	}
	(void)DV_TAKE_FD(fd); /* the connection's */
	return 1;
}

static int on_accept(sd_event_source *source, int fd, uint32_t events DV_UNUSED, void *context)
{
	struct listener *listener = context;
	int r = 1;

	for (int i = 0; i < ACCEPT_AT_ONCE && r > 0; i++)
		r = accept_one(listener, fd);
	if (r == -EMFILE || r == -ENFILE || r == -ENOMEM || r == -ENOBUFS) {
		/* The socket stays readable: without a pause this would spin. */
		log_error("cannot accept connections: %s", strerror(-r));
		(void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
		(void)sd_event_source_set_enabled(listener->server->tick, SD_EVENT_ON);
	}
	return 0;
}

/* Asking a connection may close it, and no other. */
static void each(struct server *server, void (*act)(struct connection *, const void *),
		 const void *argument)
{
	struct connection_list *const lists[] = { &server->pam.list, &server->helper.list };

	for (size_t i = 0; i < DV_COUNT(lists); i++) {
		struct connection *next;

		for (struct connection *at = TAILQ_FIRST(&lists[i]->head); at; at = next) {
			next = TAILQ_NEXT(at, in_list);
			act(at, argument);
		}
	}
}

static bool concerns(const struct connection *connection, const char *user)
{
	const struct answer *answer = connection->answer;

	if (!answer)
		return false;
	return !user || !*user || !*answer->user || str_equal(answer->user, user);
}

static void kick_one(struct connection *connection, const void *user)
{
	if (concerns(connection, user) && !connection->stash)
		connection_pump(connection);
}

void server_kick(struct server *server, const char *user)
{
	each(server, kick_one, user);
}

static void progress_one(struct connection *connection, const void *argument)
{
	const struct answer_progress *progress = argument;

	if (!concerns(connection, progress->user) || !connection->answer->ops->on_progress)
		return;
	connection->answer->ops->on_progress(connection->answer, progress);
	if (!connection->stash)
		connection_pump(connection);
}

void server_progress(struct server *server, const struct answer_progress *progress)
{
	each(server, progress_one, progress);
}

struct job_end {
	const struct queue_job *job;
	enum queue_outcome outcome;
	const char *text;
};

static void end_one(struct connection *connection, const void *argument)
{
	const struct job_end *end = argument;

	if (!concerns(connection, end->job->user))
		return;
	if (connection->answer->ops->on_end)
		connection->answer->ops->on_end(connection->answer, end->job, end->outcome,
						end->text);
	if (!connection->stash)
		connection_pump(connection);
}

void server_job_end(struct server *server, const struct queue_job *job, enum queue_outcome outcome,
		    const char *text)
{
	each(server, end_one, &(const struct job_end){ job, outcome, text });
}

static void tick_one(struct connection *connection, const void *now_ms)
{
	connection_tick(connection, *(const int64_t *)now_ms);
}

static void resume_listener(const struct listener *listener)
{
	if (listener->source)
		(void)sd_event_source_set_enabled(listener->source, SD_EVENT_ON);
}

static int on_tick(sd_event_source *source, uint64_t usec DV_UNUSED, void *context)
{
	struct server *server = context;
	int64_t now_ms = clock_now_ms();

	each(server, tick_one, &now_ms);
	resume_listener(&server->pam);
	resume_listener(&server->helper);
	close_turned_away(server);
	server->told_full = false;
	(void)sd_event_source_set_time_relative(source, TICK_USEC);
	if (server_n_connections(server) > 0)
		return 0;
	(void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
	if (server->peak >= STORM)
		(void)malloc_trim(0);
	server->peak = 0;
	return 0;
}

static int listen_on(struct listener *listener, int fd, int64_t priority)
{
	sd_event *event = listener->server->daemon->event;
	int r;

	if (fd < 0)
		return 0;
	r = sd_event_add_io(event, &listener->source, fd, EPOLLIN, on_accept, listener);
	return r < 0 ? r : sd_event_source_set_priority(listener->source, priority);
}

static void server_freep(struct server **server)
{
	server_free(*server);
}

int server_new(struct server **ret_server, struct daemon *daemon, int pam_fd, int helper_fd,
	       struct dv_error *err)
{
	DV_CLEANUP(server_freep) struct server *server = calloc(1, sizeof(*server));
	int r;

	if (!server)
		return dv_fail(err, -ENOMEM, "set up the server");
	server->daemon = daemon;
	for (int i = 0; i < MAX_TURNED_AWAY; i++)
		server->turned_away[i] = -1;
	server->pam = (struct listener){ .server = server,
					 .socket = PROTO_SOCKET_PAM,
					 .max = SERVER_MAX_PAM };
	server->helper = (struct listener){ .server = server,
					    .socket = PROTO_SOCKET_HELPER,
					    .max = SERVER_MAX_HELPER };
	TAILQ_INIT(&server->pam.list.head);
	TAILQ_INIT(&server->helper.list.head);
	r = sd_event_add_time_relative(daemon->event, &server->tick, CLOCK_MONOTONIC, TICK_USEC,
				       100000, on_tick, server);
	if (r >= 0)
		r = sd_event_source_set_enabled(server->tick, SD_EVENT_OFF);
	if (r >= 0)
		r = listen_on(&server->pam, pam_fd, DAEMON_PRIORITY_PAM);
	if (r >= 0)
		r = listen_on(&server->helper, helper_fd, DAEMON_PRIORITY_HELPER);
	if (r < 0)
		return dv_fail(err, r, "set up the server");
	*ret_server = DV_TAKE_PTR(server);
	return 0;
}

static void close_one(struct connection *connection, const void *argument DV_UNUSED)
{
	connection_close(connection);
}

void server_free(struct server *server)
{
	if (!server)
		return;
	each(server, close_one, NULL);
	close_turned_away(server);
	sd_event_source_disable_unref(server->pam.source);
	sd_event_source_disable_unref(server->helper.source);
	sd_event_source_disable_unref(server->tick);
	free(server);
}
