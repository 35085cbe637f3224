/* keeper.c - see keeper.h. */
#include "dispatch/keeper.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "dispatch/answer.h"

#define CHECK_MS 3000
#define KEPT_MS 30000 /* t3 (node) closes after five seconds itself */
#define TICK_USEC 250000
#define ANSWER_BYTES 32768
#define REQUEST_BYTES 16384

struct keeper_line {
	struct keeper *keeper;
	struct keeper_line *next;
	uid_t uid;
	uint16_t port;
	int fd;
	sd_event_source *io;
	struct keeper_ask *ask; /* NULL: it is idle */
	bool is_connecting, is_used;
	int64_t idle_ms; /* since when */
	struct answer answer;
	size_t n_in;
	char in[ANSWER_BYTES];
};

static bool is_of(const struct keeper_line *line, const struct pair_target *target)
{
	return line->uid == target->uid && line->port == target->port;
}

/* ---- lines ---------------------------------------------------------------------------- */

static void unlink_line(struct keeper_line *line)
{
	struct keeper_line **at = &line->keeper->first;

	while (*at != line)
		at = &(*at)->next;
	*at = line->next;
}

static void close_line(struct keeper_line *line)
{
	unlink_line(line);
	line->keeper->n_lines--;
	(void)sd_event_source_disable_unref(line->io);
	(void)close(line->fd); /* a socket */
	explicit_bzero(line->in, line->n_in);
	free(line);
}

/* What it answers is a person's. */
static void rest_line(struct keeper_line *line)
{
	explicit_bzero(line->in, line->n_in);
	line->n_in = 0;
	line->answer = (struct answer){ 0 };
	line->is_used = true;
	line->idle_ms = clock_now_ms();
	unlink_line(line);
	line->next = line->keeper->first;
	line->keeper->first = line;
}

static bool is_silent(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

/* One that is kept, and as it was left. */
static struct keeper_line *find_idle(struct keeper *keeper, const struct pair_target *target)
{
	struct keeper_line *next;

	for (struct keeper_line *line = keeper->first; line; line = next) {
		next = line->next;
		if (line->ask || !is_of(line, target))
			continue;
		if (is_silent(line->fd))
			return line;
		close_line(line);
	}
	return NULL;
}

/* Room for one more of theirs; an idle one of somebody, the longest unused, makes it. */
static bool make_room(struct keeper *keeper, const struct pair_target *target)
{
	struct keeper_line *idle = NULL;
	size_t n_own = 0;

	for (struct keeper_line *line = keeper->first; line; line = line->next) {
		n_own += is_of(line, target);
		if (!line->ask)
			idle = line;
	}
	if (n_own >= KEEPER_MAX_PERSON)
		return false;
	if (keeper->n_lines < KEEPER_MAX)
		return true;
	if (idle)
		close_line(idle);
	return idle;
}

/* ---- a question ----------------------------------------------------------------------- */

static void end_ask(struct keeper *keeper, struct keeper_ask *ask, int r, enum t3_session session,
		    const struct dv_error *err)
{
	keeper->n_asks--;
	ask->end(ask, r, session, err);
}

static int send_question(const struct keeper_line *line, struct dv_error *err)
{
	char request[REQUEST_BYTES];
	ssize_t n_sent;
	int n = snprintf(request, sizeof(request),
			 "GET " T3_SESSION_PATH " HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
			 "Accept: */*\r\nCookie: %s\r\n\r\n",
			 line->port, line->ask->cookies);

	if (n < 0 || (size_t)n >= sizeof(request)) {
		explicit_bzero(request, sizeof(request));
		return dv_refuse(err, -E2BIG, "its cookies are too long");
	}
	n_sent = send(line->fd, request, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
	explicit_bzero(request, (size_t)n);
	/* What is smaller than an empty buffer goes whole, unless the peer is gone. */
	if (n_sent != n)
		return dv_fail(err, n_sent < 0 ? -errno : -EIO, "ask %s's server for the session",
			       line->ask->target.user);
	return 0;
}

static int on_line(sd_event_source *source, int fd, uint32_t revents, void *context);

static int connect_line(struct keeper_line *line, struct dv_error *err)
{
	const struct sockaddr_in address = { .sin_family = AF_INET,
					     .sin_port = htons(line->port),
					     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const int on = 1;

	(void)setsockopt(line->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(line->fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return dv_fail(err, -errno, "connect to %s's server", line->ask->target.user);
	line->is_connecting = true;
	return 0;
}

/* Its listener is looked at on both sides of the connection's making. */
static int begin_line(struct keeper_line *line, struct dv_error *err)
{
	int r = pair_require(&line->ask->target, err);

	return r < 0 ? r : send_question(line, err);
}

/* Takes `ask` unless it fails. */
static int open_line(struct keeper *keeper, struct keeper_ask *ask, struct dv_error *err)
{
	DV_AUTO_CLOSE int fd = -1;
	struct keeper_line *line;
	int r = pair_require(&ask->target, err);

	if (r < 0)
		return r;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	line = fd < 0 ? NULL : calloc(1, sizeof(*line));
	if (!line)
		return dv_fail(err, fd < 0 ? -errno : -ENOMEM, "connect to %s's server",
			       ask->target.user);
	line->keeper = keeper;
	line->uid = ask->target.uid;
	line->port = ask->target.port;
	line->ask = ask;
	line->fd = DV_TAKE_FD(fd);
	line->next = keeper->first;
	keeper->first = line;
	keeper->n_lines++;
	r = connect_line(line, err);
	if (r == 0 && sd_event_add_io(keeper->event, &line->io, line->fd,
				      line->is_connecting ? EPOLLOUT : EPOLLIN, on_line, line) < 0)
		r = dv_fail(err, -ENOMEM, "wait for %s's server", ask->target.user);
	if (r == 0 && !line->is_connecting)
		r = begin_line(line, err);
	if (r < 0)
		close_line(line);
	return r;
}

/* By a new connection. */
static void ask_anew(struct keeper *keeper, struct keeper_ask *ask)
{
	struct dv_error err = { "" };
	int r = open_line(keeper, ask, &err);

	if (r < 0)
		end_ask(keeper, ask, r, T3_SESSION_UNSET, &err);
}

/* Whether it need not wait: there is a kept line (`*ret_line`), or room for one. */
static bool can_ask(struct keeper *keeper, const struct pair_target *target,
		    struct keeper_line **ret_line)
{
	*ret_line = find_idle(keeper, target);
	return *ret_line || make_room(keeper, target);
}

static void run_ask(struct keeper *keeper, struct keeper_ask *ask, struct keeper_line *line)
{
	struct dv_error err = { "" };

	if (line) {
		line->ask = ask;
		if (send_question(line, &err) == 0)
			return;
		close_line(line);
	}
	ask_anew(keeper, ask);
}

static void drop_waiting(struct keeper *keeper, struct keeper_ask **at)
{
	*at = (*at)->next;
	if (!*at)
		keeper->last_waiting = at;
}

/* Those that wait for the same server, as many as can; and where all were at their most, those of anybody. */
static void ask_waiting(struct keeper *keeper, const struct pair_target *freed)
{
	bool was_full = keeper->n_lines + 1 >= KEEPER_MAX;
	struct keeper_ask **at = &keeper->waiting;

	while (*at) {
		struct keeper_ask *ask = *at;
		bool is_own = ask->target.uid == freed->uid && ask->target.port == freed->port;
		struct keeper_line *line = NULL;

		if ((is_own || was_full) && can_ask(keeper, &ask->target, &line)) {
			drop_waiting(keeper, at);
			run_ask(keeper, ask, line);
		} else if (is_own && !was_full) {
			return;
		} else {
			at = &ask->next;
		}
	}
}

/* ---- an answer ------------------------------------------------------------------------ */

static void fail_line(struct keeper_line *line, int r, const struct dv_error *err)
{
	struct keeper *keeper = line->keeper;
	struct keeper_ask *ask = line->ask;
	const struct pair_target target = ask->target;
	bool is_stale = line->is_used && line->n_in == 0;

	close_line(line);
	if (is_stale && clock_left_ms(ask->deadline_ms) > 0)
		ask_anew(keeper, ask);
	else
		end_ask(keeper, ask, r, T3_SESSION_UNSET, err);
	ask_waiting(keeper, &target);
}

static void finish_line(struct keeper_line *line)
{
	struct keeper *keeper = line->keeper;
	struct keeper_ask *ask = line->ask;
	const struct pair_target target = ask->target;
	const struct answer *answer = &line->answer;
	enum t3_session session = t3_read_session(line->in + answer->at_body, answer->n_body);
	const struct dv_error none = { "" };

	line->ask = NULL;
	if (answer->keeps)
		rest_line(line);
	else
		close_line(line);
	end_ask(keeper, ask, 0, session, &none);
	ask_waiting(keeper, &target);
}

static void read_line(struct keeper_line *line)
{
	struct dv_error err = { "" };
	ssize_t n = recv(line->fd, line->in + line->n_in, sizeof(line->in) - line->n_in, 0);
	int r;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		r = dv_fail(&err, -errno, "hear %s's server", line->ask->target.user);
		fail_line(line, r, &err);
		return;
	}
	line->n_in += (size_t)n;
	r = answer_read(&line->answer, line->in, line->n_in, n == 0, &err);
	if (r == 0 && line->n_in == sizeof(line->in))
		r = dv_refuse(&err, -EFBIG, "its server answered with more than %d bytes",
			      ANSWER_BYTES);
	if (r < 0)
		fail_line(line, dv_prefix(&err, r, "ask for %s's session", line->ask->target.user),
			  &err);
	else if (r == 1)
		finish_line(line);
}

static void end_connecting(struct keeper_line *line)
{
	struct dv_error err = { "" };
	int failed = 0, r;
	socklen_t n = sizeof(failed);

	if (getsockopt(line->fd, SOL_SOCKET, SO_ERROR, &failed, &n) < 0)
		failed = errno;
	line->is_connecting = false;
	(void)sd_event_source_set_io_events(line->io, EPOLLIN);
	r = failed ? dv_fail(&err, -failed, "connect to %s's server", line->ask->target.user)
		   : begin_line(line, &err);
	if (r < 0)
		fail_line(line, r, &err);
}

static int on_line(sd_event_source *source DV_UNUSED, int fd DV_UNUSED, uint32_t revents DV_UNUSED,
		   void *context)
{
	struct keeper_line *line = context;

	if (!line->ask)
		close_line(line); /* it ended, or speaks unasked */
	else if (line->is_connecting)
		end_connecting(line);
	else
		read_line(line);
	return 0;
}

/* ---- time ----------------------------------------------------------------------------- */

static struct keeper_line *find_late(const struct keeper *keeper, int64_t now_ms)
{
	for (struct keeper_line *line = keeper->first; line; line = line->next) {
		if (line->ask ? line->ask->deadline_ms <= now_ms : now_ms - line->idle_ms > KEPT_MS)
			return line;
	}
	return NULL;
}

static int on_tick(sd_event_source *source, uint64_t usec DV_UNUSED, void *context)
{
	static const struct dv_error late = { "its server did not answer in time" };
	struct keeper *keeper = context;
	int64_t now_ms = clock_now_ms();
	struct keeper_line *line;

	/* Those that wait first: they came with a deadline, too, and a line that ends would start them. */
	for (struct keeper_ask **at = &keeper->waiting; *at;) {
		struct keeper_ask *ask = *at;

		if (ask->deadline_ms > now_ms) {
			at = &ask->next;
			continue;
		}
		drop_waiting(keeper, at);
		end_ask(keeper, ask, -ETIMEDOUT, T3_SESSION_UNSET, &late);
	}
	while ((line = find_late(keeper, now_ms))) {
		if (line->ask)
			fail_line(line, -ETIMEDOUT, &late);
		else
			close_line(line);
	}
	if (!keeper->first && !keeper->waiting)
		return 0;
	(void)sd_event_source_set_time_relative(source, TICK_USEC);
	(void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

static int start_tick(struct keeper *keeper)
{
	int enabled = SD_EVENT_OFF, r;

	if (!keeper->tick)
		return sd_event_add_time_relative(keeper->event, &keeper->tick, CLOCK_MONOTONIC,
						  TICK_USEC, 0, on_tick, keeper);
	r = sd_event_source_get_enabled(keeper->tick, &enabled);
	if (r < 0 || enabled != SD_EVENT_OFF)
		return r;
	r = sd_event_source_set_time_relative(keeper->tick, TICK_USEC);
	return r < 0 ? r : sd_event_source_set_enabled(keeper->tick, SD_EVENT_ONESHOT);
}

/* ---- who asks ------------------------------------------------------------------------- */

void keeper_submit(struct keeper *keeper, struct keeper_ask *ask)
{
	static const struct dv_error many = { "too many sessions are asked for at once" },
				     bad = { "its cookies are none that can be passed on" },
				     clock = { "the loop has no clock" };
	struct keeper_line *line = NULL;

	ask->next = NULL;
	ask->deadline_ms = clock_deadline_ms(CHECK_MS);
	keeper->n_asks++;
	if (!keeper->last_waiting)
		keeper->last_waiting = &keeper->waiting;
	/* A second header, or a second request, in what was to be one value. */
	if (strpbrk(ask->cookies, "\r\n")) {
		end_ask(keeper, ask, -EINVAL, T3_SESSION_UNSET, &bad);
	} else if (keeper->n_asks > KEEPER_MAX_ASKS) {
		end_ask(keeper, ask, -EBUSY, T3_SESSION_UNSET, &many);
	} else if (start_tick(keeper) < 0) {
		end_ask(keeper, ask, -ENOMEM, T3_SESSION_UNSET, &clock);
	} else if (can_ask(keeper, &ask->target, &line)) {
		run_ask(keeper, ask, line);
	} else {
		*keeper->last_waiting = ask;
		keeper->last_waiting = &ask->next;
	}
}

void keeper_done(struct keeper *keeper)
{
	static const struct dv_error ended = { "devvm-dispatch ends" };

	while (keeper->waiting) {
		struct keeper_ask *ask = keeper->waiting;

		drop_waiting(keeper, &keeper->waiting);
		end_ask(keeper, ask, -ECANCELED, T3_SESSION_UNSET, &ended);
	}
	while (keeper->first) {
		struct keeper_ask *ask = keeper->first->ask;

		close_line(keeper->first);
		if (ask)
			end_ask(keeper, ask, -ECANCELED, T3_SESSION_UNSET, &ended);
	}
	keeper->tick = sd_event_source_disable_unref(keeper->tick);
}
