/* daemon.h - what the parts of devvm-helperd share, and how they hear of each other.
 *
 * The daemon is a broker: it decides who may ask (policy), what runs when (queue), has
 * systemd run it (units), keeps the results (reports, store) and tells those who wait
 * (server). It does no slow work itself and waits for nobody.
 */
#ifndef DEVVM_DAEMON_DAEMON_H
#define DEVVM_DAEMON_DAEMON_H

#include <systemd/sd-event.h>

#include "config/config.h"
#include "daemon/queue.h"
#include "daemon/store.h"
#include "units/units.h"

#ifndef DEVVM_VERSION
#define DEVVM_VERSION "0"
#endif

/* The event loop serves lower numbers first. A knock comes before the helper socket, so
 * that a `wait` that follows a login sees the job; logins come before everybody else. */
enum daemon_priority {
	DAEMON_PRIORITY_SIGNAL = -100,
	DAEMON_PRIORITY_KNOCK = -40,
	DAEMON_PRIORITY_PAM = -30,
	DAEMON_PRIORITY_WATCH = -20,
	DAEMON_PRIORITY_QUEUE = -10,
	DAEMON_PRIORITY_HELPER = 0,
	DAEMON_PRIORITY_IDLE = 50,
};

#define DAEMON_DISPATCH_ACCOUNT "devvm-dispatch"
/* Unit starts in flight on one bus connection; far more make the bus refuse. */
#define DAEMON_MAX_AT_ONCE 60

/* The inherited sockets; -1 where there is none. */
struct daemon_sockets {
	int pam_fd, helper_fd;
};

struct daemon {
	sd_event *event;       /* borrowed */
	const struct env *env; /* borrowed */
	struct config config;
	struct store store;
	struct queue *queue;
	struct units *units;
	struct server *server;
	struct reports *reports;
	struct watch *watch;
	struct knock *knock;
	struct schedule *schedule;
	struct programs *programs;
	struct instances *instances;
	struct mints *mints;
	sd_event_source *dispatch_now, *dispatch_later;
	bool has_dispatch_uid;
	uid_t dispatch_uid;
	bool told_full;		      /* that the home queue is full was logged */
	int64_t reconcile_asked_usec; /* when systemd was asked for the one that runs */
	bool reconcile_repeated;      /* it was asked once more, see repeat_reconcile() */
};

/* Set up everything on `event`; `sockets` stay the caller's. Requests the first reconcile.
 * Release with daemon_free(). */
DV_MUST_CHECK int daemon_new(struct daemon **ret_daemon, sd_event *event, const struct env *env,
			     const struct daemon_sockets *sockets, struct dv_error *err);
void daemon_free(struct daemon *daemon);

/* Something was requested of the queue: let it start what it can, when the loop turns. */
void daemon_wake_queue(struct daemon *daemon);

/* Ask for somebody's home job and wake the queue. A full queue is logged once and
 * answered with -ENOSPC. */
int daemon_request_home(struct daemon *daemon, const char *user, enum queue_priority priority);

/* The roster or the configuration may have changed. */
void daemon_on_change(struct daemon *daemon);

/* Whether the person has a ticket. */
bool daemon_has_ticket(const struct daemon *daemon, const char *user);

/* When the person last logged in, by their ticket; 0: not since it was written, or none. */
int64_t daemon_last_login_usec(const struct daemon *daemon, const char *user);

/* Now, on the wall clock of `env`. */
int64_t daemon_now_usec(const struct daemon *daemon);

#endif
