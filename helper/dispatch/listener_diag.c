/* listener_diag.c - see listener_diag.h. */
#include "dispatch/listener_diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"

#define STATE_LISTEN 10 /* TCP_LISTEN of the kernel's net/tcp_states.h */
#define BUFFER_BYTES 16384
#define TIMEOUT_SECONDS 5

struct question {
	uint16_t port;
	void (*each)(void *context, const struct listener_row *row);
	void *context;
};

static int ask(int fd, int family, uint16_t port)
{
	struct {
		struct nlmsghdr header;
		struct inet_diag_req_v2 request;
	} message = {
		.header = { .nlmsg_len = sizeof(message),
			    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.request = { .sdiag_family = (uint8_t)family,
			     .sdiag_protocol = IPPROTO_TCP,
			     .idiag_states = 1U << STATE_LISTEN,
			     .id.idiag_sport = htons(port) },
	};

	return send(fd, &message, sizeof(message), 0) < 0 ? -errno : 0;
}

static void tell(const struct question *question, const struct inet_diag_msg *found)
{
	struct listener_row row = { .family = found->idiag_family, .uid = found->idiag_uid };

	if (found->idiag_state != STATE_LISTEN || ntohs(found->id.idiag_sport) != question->port)
		return;
	memcpy(row.address, found->id.idiag_src, sizeof(row.address));
	question->each(question->context, &row);
}

/* 1: the dump is over. */
static int read_part(const struct question *question, const uint8_t *bytes, size_t n_bytes)
{
	const struct nlmsghdr *header = (const void *)bytes;

	while (n_bytes >= sizeof(*header) && header->nlmsg_len >= sizeof(*header) &&
	       header->nlmsg_len <= n_bytes) {
		size_t n_all = NLMSG_ALIGN(header->nlmsg_len);
		const void *data = header + 1;
		size_t n_data = header->nlmsg_len - sizeof(*header);

		if (header->nlmsg_type == NLMSG_DONE)
			return 1;
		if (header->nlmsg_type == NLMSG_ERROR)
			return n_data < sizeof(struct nlmsgerr)
				       ? -EBADMSG
				       : ((const struct nlmsgerr *)data)->error;
		if (header->nlmsg_type == SOCK_DIAG_BY_FAMILY &&
		    n_data >= sizeof(struct inet_diag_msg))
			tell(question, data);
		if (n_all >= n_bytes)
			return 0;
		n_bytes -= n_all;
		header = (const void *)((const uint8_t *)header + n_all);
	}
	return -EBADMSG;
}

static int dump(int family, const struct question *question)
{
	const struct timeval timeout = { .tv_sec = TIMEOUT_SECONDS };
	_Alignas(struct nlmsghdr) uint8_t bytes[BUFFER_BYTES];
	DV_AUTO_CLOSE int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	int r;

	if (fd < 0)
		return errno == EPROTONOSUPPORT || errno == EAFNOSUPPORT ? -ENOENT : -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0)
		return -errno;
	r = ask(fd, family, question->port);
	while (r == 0) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), 0);

		if (n < 0 && errno == EINTR)
			continue;
		r = n < 0 ? -errno : read_part(question, bytes, (size_t)n);
	}
	return r < 0 ? r : 0;
}

int listener_diag(uint16_t port, void (*each)(void *context, const struct listener_row *row),
		  void *context, struct dv_error *err)
{
	const struct question question = { port, each, context };
	int r = dump(AF_INET, &question);

	if (r == 0) {
		r = dump(AF_INET6, &question);
		if (r == -ENOENT) /* no IPv6 */
			r = 0;
	}
	return r < 0 ? dv_fail(err, r, "ask the kernel who listens on port %u", port) : 0;
}
