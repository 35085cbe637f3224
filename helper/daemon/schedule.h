/* schedule.h - home jobs that no login asked for.
 *
 * Goes round the people, a page at a time. Whoever is due gets a home job: eager people as
 * soon as they are found, everybody else spread over the hour; together at most
 * `home.per_hour` in any hour. Beside that, who has logged in lately gets what failed tried
 * again when `devvmctl status` says it will be.
 */
#ifndef DEVVM_DAEMON_SCHEDULE_H
#define DEVVM_DAEMON_SCHEDULE_H

#include "daemon/daemon.h"

struct schedule;

DV_MUST_CHECK int schedule_new(struct schedule **ret_schedule, struct daemon *daemon,
			       struct dv_error *err);
void schedule_free(struct schedule *schedule);

/* The people may have changed: look for eager ones now. */
void schedule_wake(struct schedule *schedule);

/* Somebody's home job ended before it had tried what it was for. */
void schedule_home_failed(struct schedule *schedule, const char *user);

#endif
