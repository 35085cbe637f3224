/* instances.h - people's t3, started when they come.
 *
 * A login or a visit puts the person into a line; INSTANCES_AT_ONCE of them start at a time,
 * because each start costs seconds of CPU; one that only waits keeps nobody else waiting. What
 * runs is left alone, and nobody who is parked, on hold, or for whom the machine has no t3 is put
 * in. It never stands in a login's way, and what is lost with the daemon comes again with the next
 * login.
 */
#ifndef DEVVM_DAEMON_INSTANCES_H
#define DEVVM_DAEMON_INSTANCES_H

#include "daemon/daemon.h"

#define INSTANCES_AT_ONCE 4
#define INSTANCES_MAX_QUEUED 1024

enum instances_reason {
	INSTANCES_LOGIN,
	INSTANCES_VISIT, /* somebody asked for them to be prepared */
};

struct instances;

DV_MUST_CHECK int instances_new(struct instances **ret_instances, struct daemon *daemon,
				struct dv_error *err);
void instances_free(struct instances *instances);

/* Start the person's t3 where instances.start says so and it does not run. */
void instances_want(struct instances *instances, const char *user, enum instances_reason reason);

/* Have the socket of the person's web terminal listen; the terminal itself starts with the first connection. */
void instances_open_terminal(struct instances *instances, const char *user);

#endif
