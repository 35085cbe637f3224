/* listener.c - see listener.h. */
#include "t3/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"

#define TERMINALS "run/devvm/ttyd/"
#define ANSWER_BYTES 32768
#define LOOPBACK_INDEX 1 /* of lo, in each network namespace: the kernel's LOOPBACK_IFINDEX */
#define ANSWER_SECONDS 2 /* of the kernel, which answers at once */

/* Who would be told of a connection, and who it should be. */
struct question {
	uint16_t port;
	uid_t uid;
	bool is_six; /* to [::1], not to 127.0.0.1 */
};

/* Whether the connection may end there. */
static bool answers(const struct question *question, uint8_t family, const __be32 *address)
{
	struct in6_addr six;

	if (family == AF_INET)
		return !question->is_six &&
		       (address[0] == htonl(INADDR_ANY) || address[0] == htonl(INADDR_LOOPBACK));
	memcpy(&six, address, sizeof(six));
	if (question->is_six)
		return IN6_IS_ADDR_UNSPECIFIED(&six) || IN6_IS_ADDR_LOOPBACK(&six);
	return IN6_IS_ADDR_UNSPECIFIED(&six) ||
	       (IN6_IS_ADDR_V4MAPPED(&six) &&
		(address[3] == htonl(INADDR_LOOPBACK) || address[3] == htonl(INADDR_ANY)));
}

static int ask(int fd, uint8_t family, uint16_t port, uint16_t flags, uint32_t number)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 body;
	} request = {
		.head = { .nlmsg_len = sizeof(request),
			  .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			  .nlmsg_flags = NLM_F_REQUEST | flags,
			  .nlmsg_seq = number },
		.body = { .sdiag_family = family,
			  .sdiag_protocol = IPPROTO_TCP,
			  .idiag_states = 1U << TCP_LISTEN,
			  .id = { .idiag_sport = htons(port),
				  .idiag_src = { htonl(INADDR_LOOPBACK) },
				  .idiag_if = LOOPBACK_INDEX,
				  .idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE } } },
	};

	return send(fd, &request, sizeof(request), 0) < 0 ? -errno : 0;
}

static void judge(const struct inet_diag_msg *socket, const struct question *question,
		  enum listener *listener)
{
	if (socket->id.idiag_sport != htons(question->port) ||
	    !answers(question, socket->idiag_family, socket->id.idiag_src))
		return;
	if (socket->idiag_uid != question->uid)
		*listener = LISTENER_FOREIGN;
	else if (*listener == LISTENER_NONE)
		*listener = LISTENER_OWN;
}

/* 1: the last message was there. */
static int read_answer(const struct nlmsghdr *message, size_t n_bytes,
		       const struct question *question, enum listener *listener)
{
	size_t n = n_bytes;

	for (; NLMSG_OK(message, n); message = NLMSG_NEXT(message, n)) {
		if (message->nlmsg_type == NLMSG_DONE)
			return 1;
		if (message->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)NLMSG_DATA(message))->error;
		if (message->nlmsg_type == SOCK_DIAG_BY_FAMILY &&
		    message->nlmsg_len >= NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
			judge(NLMSG_DATA(message), question, listener);
	}
	return 0;
}

static int look(int fd, uint8_t family, const struct question *question, enum listener *listener)
{
	union {
		struct nlmsghdr head;
		char bytes[ANSWER_BYTES];
	} answer;
	int r = ask(fd, family, question->port, NLM_F_DUMP, 0);

	while (r == 0) {
		ssize_t n = recv(fd, &answer, sizeof(answer), 0);

		r = n < 0    ? -errno
		    : n == 0 ? -EIO
			     : read_answer(&answer.head, (size_t)n, question, listener);
	}
	return r < 0 ? r : 0;
}

/* Of this thread, for one question after another; what is left of one that failed goes with it. */
static _Thread_local int asking_fd = -1;
static _Thread_local uint32_t asked;

static int open_asking(void)
{
	const struct timeval limit = { .tv_sec = ANSWER_SECONDS };

	if (asking_fd >= 0)
		return 0;
	asking_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	return asking_fd >= 0 && setsockopt(asking_fd, SOL_SOCKET, SO_RCVTIMEO, &limit,
					    sizeof(limit)) == 0
		       ? 0
		       : -errno;
}

/* Whether the one socket to which the kernel would give a connection to 127.0.0.1:port, a socket of IPv6 that
 * takes those of IPv4 among them, listens and is of that uid. This asks for one, where the list of all listeners costs
 * a walk over a table that grows with the machine's memory; who is told "no" walks it to learn why. */
static bool is_own(uint16_t port, uid_t uid)
{
	union {
		struct nlmsghdr head;
		char bytes[1024];
	} answer;
	const struct inet_diag_msg *socket = NLMSG_DATA(&answer.head);
	ssize_t n = -1;

	asked++;
	if (open_asking() == 0 && ask(asking_fd, AF_INET, port, 0, asked) == 0)
		n = recv(asking_fd, &answer, sizeof(answer), 0);
	if (n < 0 || !NLMSG_OK(&answer.head, (size_t)n) || answer.head.nlmsg_seq != asked) {
		if (asking_fd >= 0)
			(void)close(asking_fd); /* a socket */
		asking_fd = -1;
		return false;
	}
	return answer.head.nlmsg_type == SOCK_DIAG_BY_FAMILY &&
	       answer.head.nlmsg_len >= NLMSG_LENGTH(sizeof(*socket)) &&
	       socket->idiag_state == TCP_LISTEN && socket->id.idiag_sport == htons(port) &&
	       socket->idiag_uid == uid;
}

static int look_at_all(const struct question *question, enum listener *ret_listener,
		       struct dv_error *err)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	const struct timeval limit = { .tv_sec = ANSWER_SECONDS };
	DV_AUTO_CLOSE int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	enum listener listener = LISTENER_NONE;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)
		return dv_fail(err, -errno, "ask the kernel who listens on port %u",
			       question->port);
	for (size_t i = 0; i < DV_COUNT(families); i++) {
		int r = look(fd, families[i], question, &listener);

		/* A kernel without IPv6 has nobody there. */
		if (r < 0 && (r != -ENOENT || families[i] == AF_INET))
			return dv_fail(err, r, "ask the kernel who listens on port %u",
				       question->port);
	}
	*ret_listener = listener;
	return 0;
}

int listener_look(uint16_t port, uid_t uid, enum listener *ret_listener, struct dv_error *err)
{
	if (!is_own(port, uid))
		return look_at_all(&(struct question){ .port = port, .uid = uid }, ret_listener,
				   err);
	*ret_listener = LISTENER_OWN;
	return 0;
}

int listener_look_six(uint16_t port, uid_t uid, enum listener *ret_listener, struct dv_error *err)
{
	return look_at_all(&(struct question){ .port = port, .uid = uid, .is_six = true },
			   ret_listener, err);
}

int listener_look_socket(const char *path, uid_t uid, enum listener *ret_listener,
			 struct dv_error *err)
{
	const struct timeval limit = { .tv_sec = ANSWER_SECONDS }; /* a queue may be full */
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t n = sizeof(peer);
	DV_AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		return dv_refuse(err, -ENAMETOOLONG, "%s is too long for a socket", path);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
		return dv_fail(err, -errno, "ask the kernel who listens on %s", path);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno != ENOENT && errno != ECONNREFUSED)
			return dv_fail(err, -errno, "connect to %s", path);
		*ret_listener = LISTENER_NONE;
		return 0;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0)
		return dv_fail(err, -errno, "ask the kernel who listens on %s", path);
	*ret_listener = peer.uid == uid ? LISTENER_OWN : LISTENER_FOREIGN;
	return 0;
}

int listener_require(uint16_t port, uid_t uid, const char *user, struct dv_error *err)
{
	enum listener listener = LISTENER_UNSET;
	int r = listener_look(port, uid, &listener, err);

	if (r < 0)
		return r;
	return listener == LISTENER_OWN
		       ? 0
		       : dv_refuse(err, -ECONNREFUSED, "port %u is not %s's now", port, user);
}

int listener_look_terminal(int root_fd, const char *user, enum listener *ret_listener,
			   struct dv_error *err)
{
	char path[sizeof(TERMINALS) + STR_USER_NAME_MAX + sizeof(".sock")];
	struct stat st;

	(void)snprintf(path, sizeof(path), TERMINALS "%s.sock", user);
	*ret_listener = LISTENER_NONE;
	if (fstatat(root_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		*ret_listener =
			S_ISSOCK(st.st_mode) && st.st_uid == 0 ? LISTENER_OWN : LISTENER_FOREIGN;
	else if (errno != ENOENT)
		return dv_fail(err, -errno, "look at /%s", path);
	return 0;
}
