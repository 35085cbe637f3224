/* programs.h - the verbs machine and install: units that take minutes, started when asked for.
 *
 * They are no part of the queue: nothing waits for them but who asked. A unit runs once at a
 * time; who asks for one that runs waits for its end with the others. The unit goes on when
 * they leave. The machine job is started too when a step of it that failed is due again; the
 * hourly timer does the rest.
 */
#ifndef DEVVM_DAEMON_PROGRAMS_H
#define DEVVM_DAEMON_PROGRAMS_H

#include "daemon/daemon.h"

#define PROGRAMS_MAX 8 /* units that run at once */

struct programs;

DV_MUST_CHECK int programs_new(struct programs **ret_programs, struct daemon *daemon,
			       struct dv_error *err);
void programs_free(struct programs *programs);

/* A unit that was started ended; for units_start(), and for tests. */
void programs_on_end(void *programs, const char *unit, enum units_result result, const char *text);

#endif
