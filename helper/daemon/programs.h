/* programs.h - the verbs machine and install: units that take minutes, started when asked for.
 *
 * They are no part of the queue: nothing waits for them but who asked. A unit runs once at a
 * time; who asks for one that runs waits for its end with the others. The unit goes on when
 * they leave. The machine job is started too when a step of it that failed is due again; the
 * hourly timer does the rest.
 */
#ifndef DEVVM_DAEMON_PROGRAMS_H
#define DEVVM_DAEMON_PROGRAMS_H

#include "daemon/answer.h"
#include "daemon/daemon.h"
#include "store/stage.h"

#define PROGRAMS_MAX 8 /* units that run at once */

struct programs;
struct run;

/* An answer that waits for the end of a unit. */
struct program_waiter {
	struct answer base;
	struct run *run;
	char instance[STAGE_NAME_BYTES]; /* of an install or of offboard */
	bool told;			 /* a row of it is written */
};

DV_MUST_CHECK int programs_new(struct programs **ret_programs, struct daemon *daemon,
			       struct dv_error *err);
void programs_free(struct programs *programs);

/* Have `unit` run, or join whoever waits for it, for a request that is answered by `ops`; NULL with
 * the error written. `ops` releases it with programs_release_waiter(). */
struct answer *programs_wait_for(struct daemon *daemon, const struct answer_ops *ops,
				 const char *unit, const char *instance,
				 struct record_writer *reply);
void programs_release_waiter(struct answer *answer);
/* UNITS_UNSET while it runs; then `ret_text` (may be NULL) gets a sentence, borrowed. */
enum units_result programs_result(const struct program_waiter *waiter, const char **ret_text);
/* What is next of an answer whose last record is what the job left in the ledger. */
enum answer_next programs_next_result(struct answer *answer, struct record_writer *writer);

/* A unit that was started ended; for units_start(), and for tests. */
void programs_on_end(void *programs, const char *unit, enum units_result result, const char *text);

#endif
