/* knock.c - see knock.h. */
#include "daemon/knock.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/str.h"
#include "daemon/instances.h"
#include "ledger/people.h"
#include "ledger/steps_log.h"
#include "steps/due.h"

/* Logins come before everything, but not before everything for long. */
#define KNOCK_AT_ONCE 32

struct knock {
	struct daemon *daemon;
	sd_event_source *source; /* NULL where nobody can knock */
};

static bool is_due(struct daemon *daemon, const char *user)
{
	DV_AUTO_PEOPLE_ROW struct people_row person = { 0 };
	DV_AUTO_STEPS_LOG struct steps_log log = { 0 };
	struct dv_error err = { "" };
	struct ledger *ledger;
	int r = store_get(&daemon->store, &ledger, &err);

	if (r == 0)
		r = people_get(ledger, user, &person, &err);
	if (r == 0)
		r = steps_log_list(ledger, user, &log, &err);
	if (store_note(&daemon->store, r, &err) < 0)
		return false; /* the next login knocks again */
	return due_home(&person, &log, &daemon->config, daemon_now_usec(daemon));
}

static void on_name(struct daemon *daemon, const char *user)
{
	/* Who is queued for the schedule moves up; who is queued already is not looked up. */
	if (queue_home_state(daemon->queue, user) != QUEUE_HOME_NONE || is_due(daemon, user))
		(void)daemon_request_home(daemon, user, QUEUE_LOGIN); /* tells when it is full */
	instances_want(daemon->instances, user, INSTANCES_LOGIN);
}

static bool is_from_root(struct msghdr *message)
{
	struct cmsghdr *part;
	struct ucred sender;

	for (part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_CREDENTIALS ||
		    part->cmsg_len != CMSG_LEN(sizeof(sender)))
			continue;
		memcpy(&sender, CMSG_DATA(part), sizeof(sender));
		return sender.uid == 0;
	}
	return false;
}

/* False when there is none left. */
static bool receive_one(struct daemon *daemon, int fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	char name[STR_USER_NAME_MAX + 2];
	struct iovec vector = { name, sizeof(name) - 1 };
	struct msghdr message = { .msg_iov = &vector,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return errno == EINTR;
	name[n] = '\0';
	/* A name with a NUL in it is cut there and is then shorter than the packet. */
	if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 && strlen(name) == (size_t)n &&
	    is_from_root(&message) && str_is_user_name(name))
		on_name(daemon, name);
	return true;
}

static int on_knock(sd_event_source *source DV_UNUSED, int fd, uint32_t events DV_UNUSED,
		    void *context)
{
	struct knock *knock = context;

	for (int i = 0; i < KNOCK_AT_ONCE && receive_one(knock->daemon, fd); i++)
		continue;
	return 0;
}

static void knock_freep(struct knock **knock)
{
	knock_free(*knock);
}

int knock_new(struct knock **ret_knock, struct daemon *daemon, int fd, struct dv_error *err)
{
	DV_CLEANUP(knock_freep) struct knock *knock = calloc(1, sizeof(*knock));
	const int yes = 1;
	int r;

	if (!knock)
		return dv_fail(err, -ENOMEM, "listen for knocks");
	knock->daemon = daemon;
	if (fd >= 0) {
		if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)) < 0)
			return dv_fail(err, -errno, "ask for the credentials of knocks");
		r = sd_event_add_io(daemon->event, &knock->source, fd, EPOLLIN, on_knock, knock);
		if (r >= 0)
			r = sd_event_source_set_priority(knock->source, DAEMON_PRIORITY_KNOCK);
		if (r < 0)
			return dv_fail(err, r, "listen for knocks");
	}
	*ret_knock = DV_TAKE_PTR(knock);
	return 0;
}

void knock_free(struct knock *knock)
{
	if (!knock)
		return;
	sd_event_source_disable_unref(knock->source);
	free(knock);
}
