/* job_unit.h - the systemd unit of a job of the queue, and back. Pure. */
#ifndef DEVVM_DAEMON_JOB_UNIT_H
#define DEVVM_DAEMON_JOB_UNIT_H

#include "base/str.h"
#include "daemon/queue.h"

#define JOB_UNIT_MAX 96 /* bytes: the longest of ours is 56 */

/* "devvm-home@USER.service". A user name needs no escaping in a unit name. */
void job_unit_name(const struct queue_job *job, char ret_unit[static JOB_UNIT_MAX]);

/* -EINVAL for a unit that is not one of ours. `ret_user` is "" for everybody. */
DV_MUST_CHECK int job_unit_parse(const char *unit, enum queue_kind *ret_kind,
				 char ret_user[static STR_USER_NAME_MAX + 1]);

#endif
