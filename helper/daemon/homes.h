/* homes.h - the home lane of the queue: one entry per person, found by name, in the list
 * of its state. Internal to queue.c. */
#ifndef DEVVM_DAEMON_HOMES_H
#define DEVVM_DAEMON_HOMES_H

#include <sys/queue.h>

#include "base/str.h"
#include "daemon/queue.h"

struct home {
	TAILQ_ENTRY(home) in_list;
	struct home *next_in_bucket;
	enum queue_home_state state;
	enum queue_priority priority;
	bool forced;
	uint64_t held_for_seq;		 /* of a held one: the ensure's reconcile request */
	struct queue_progress *progress; /* of a running one; NULL when it has not said */
	char user[STR_USER_NAME_MAX + 1];
};

TAILQ_HEAD(home_list, home);

struct homes {
	struct home **buckets;
	struct home_list held, running;
	struct home_list queued[QUEUE_N_PRIORITIES];
	unsigned int n_held, n_running, n_queued;
	unsigned int cap;
};

DV_MUST_CHECK int homes_init(struct homes *homes);
void homes_done(struct homes *homes);
struct home *homes_find(const struct homes *homes, const char *user);

/* Enter somebody, or join the entry that is there; see queue_request_home(). */
DV_MUST_CHECK int homes_add(struct homes *homes, const char *user, enum queue_priority priority);
DV_MUST_CHECK int homes_add_held(struct homes *homes, const char *user, uint64_t seq);

/* Queue those who were held for a run like this. */
void homes_release(struct homes *homes, const struct queue_job *run);
/* The next to start, now running; NULL when nobody waits or the cap is reached. */
struct home *homes_take(struct homes *homes);
/* Remove somebody who is running; false when they are not. */
bool homes_end(struct homes *homes, const char *user);

#endif
