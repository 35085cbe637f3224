/* client.c - see client.h. */
#include "wire/client.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"

#define CONNECT_RETRY_MS 5

static int fill_address(struct sockaddr_un *address, const char *path)
{
	size_t n = strlen(path);

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (n >= sizeof(address->sun_path))
		return -ENAMETOOLONG;
	memcpy(address->sun_path, path, n + 1);
	return 0;
}

/* A full queue answers a non-blocking connect with EAGAIN and cannot be polled for
 * (unix(7)), so it is asked again in small steps. */
static int connect_within(int fd, const struct sockaddr_un *address, int64_t deadline_ms)
{
	while (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0) {
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		if (clock_left_ms(deadline_ms) == 0)
			return -ETIMEDOUT;
		(void)poll(NULL, 0, CONNECT_RETRY_MS);
	}
	return 0;
}

int client_connect(const char *path, int64_t deadline_ms, struct dv_error *err)
{
	struct sockaddr_un address;
	struct ucred peer = { 0 };
	socklen_t n_peer = sizeof(peer);
	DV_AUTO_CLOSE int fd = -1;
	int r = fill_address(&address, path);

	if (r < 0)
		return dv_fail(err, r, "connect to %s", path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return dv_fail(err, -errno, "socket for %s", path);
	r = connect_within(fd, &address, deadline_ms);
	if (r < 0)
		return dv_fail(err, r, "connect to %s", path);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n_peer) < 0)
		return dv_fail(err, -errno, "ask who listens on %s", path);
	if (peer.uid != 0)
		return dv_refuse(err, -EPERM, "uid %u listens on %s; only root may", peer.uid,
				 path);
	return DV_TAKE_FD(fd);
}

static int wait_for(int fd, short events, int64_t deadline_ms)
{
	for (;;) {
		struct pollfd ready = { .fd = fd, .events = events };
		int n = poll(&ready, 1, clock_left_ms(deadline_ms));

		if (n > 0)
			return 0;
		if (n == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
		if (clock_left_ms(deadline_ms) == 0)
			return -ETIMEDOUT;
	}
}

int client_send(int fd, const struct record_writer *writer, int64_t deadline_ms,
		struct dv_error *err)
{
	int r = record_finish(writer);

	if (r < 0)
		return dv_fail(err, r, "write the request");
	for (;;) {
		if (send(fd, writer->buffer, writer->n_bytes, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			return 0;
		if (errno != EAGAIN && errno != EINTR)
			return dv_fail(err, -errno, "send the request");
		r = wait_for(fd, POLLOUT, deadline_ms);
		if (r < 0)
			return dv_fail(err, r, "send the request");
	}
}

int client_receive(int fd, struct record *record, int64_t deadline_ms, struct dv_error *err)
{
	for (;;) {
		/* MSG_TRUNC: the packet's real length, so that a cut one is seen as too long. */
		ssize_t n = recv(fd, record->buffer, RECORD_MAX_BYTES, MSG_DONTWAIT | MSG_TRUNC);
		int r;

		if (n > 0)
			return record_parse(record, record->buffer, (size_t)n, err);
		if (n == 0)
			return dv_refuse(err, -ECONNRESET, "devvm-helperd closed the connection");
		if (errno != EAGAIN && errno != EINTR)
			return dv_fail(err, -errno, "receive the answer");
		r = wait_for(fd, POLLIN, deadline_ms);
		if (r < 0)
			return dv_fail(err, r, "wait for the answer");
	}
}
