/* queue.h - which job runs when. Pure: it starts jobs through a callback and is told when
 * they ended; the clock comes in as a number.
 *
 * Two lanes. The reconcile lane runs one job at a time: a reconcile of everybody or of one
 * person, or a plan (dry run). A request that comes while one runs waits for the next run,
 * because it may be about something the running one has already passed. A second name
 * that waits makes it "all", which covers every name: of many who log in at once nobody
 * stands behind the others. The home lane runs up to a cap, one job per person: a request for
 * somebody who is queued or running joins.
 *
 * Every request and every start takes the next number of one sequence, so "a run that
 * started after my request" is a comparison.
 */
#ifndef DEVVM_DAEMON_QUEUE_H
#define DEVVM_DAEMON_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define QUEUE_MAX_NAMES 8     /* names waiting for a reconcile, all but one for their retry */
#define QUEUE_MAX_HOMES 20000 /* people queued for their home job */
#define QUEUE_FIRST_RETRY_MS 1000
#define QUEUE_MAX_RETRY_MS 60000

enum queue_kind {
	QUEUE_RECONCILE,
	QUEUE_PLAN,
	QUEUE_HOME,
};

enum queue_priority {
	QUEUE_URGENT, /* a login waits for it */
	QUEUE_LOGIN,  /* somebody is there */
	QUEUE_SCHEDULED,
	QUEUE_N_PRIORITIES,
};

enum queue_outcome {
	QUEUE_UNSET,
	QUEUE_OK,
	QUEUE_FAILED, /* it ran and said no: not tried again by itself */
	QUEUE_BROKEN, /* it did not run to its end: a reconcile is tried again */
};

enum queue_home_state {
	QUEUE_HOME_NONE,
	QUEUE_HOME_HELD, /* behind the reconcile that an ensure asked for */
	QUEUE_HOME_QUEUED,
	QUEUE_HOME_RUNNING,
};

enum queue_lane_state {
	QUEUE_LANE_IDLE,
	QUEUE_LANE_PENDING,
	QUEUE_LANE_RUNNING,
};

struct queue_job {
	enum queue_kind kind;
	const char *user; /* "" for everybody and for a plan */
	uint64_t seq;	  /* of the start; requests below it are covered */
};

/* What a running home job is at, as it last reported. */
struct queue_progress {
	char step[64];
	char text[256];
	unsigned int n, of; /* 0 when not known */
};

struct queue_ops {
	/* Start it; it ends with queue_end(). A failure here ends it as broken. */
	int (*start)(void *context, const struct queue_job *job, struct dv_error *err);
	/* It ended, by queue_end() or because it could not be started. May make requests. */
	void (*on_end)(void *context, const struct queue_job *job, enum queue_outcome outcome,
		       const char *text);
};

struct queue;

/* `ops` and `context` are borrowed. Release with queue_free(). */
DV_MUST_CHECK int queue_new(struct queue **ret_queue, const struct queue_ops *ops, void *context,
			    struct dv_error *err);
void queue_free(struct queue *queue);
void queue_set_home_cap(struct queue *queue, unsigned int n_at_once);

/* Requests only note what is wanted; queue_dispatch() starts. They return the number that
 * the `seq` of a run must exceed to cover them. `user` NULL: everybody. */
uint64_t queue_request_reconcile(struct queue *queue, const char *user);
uint64_t queue_request_plan(struct queue *queue);
/* -ENOSPC when QUEUE_MAX_HOMES people are queued, -ENOMEM. */
DV_MUST_CHECK int queue_request_home(struct queue *queue, const char *user,
				     enum queue_priority priority);
/* A reconcile of this person, then their home job, forced. Errors as above. */
DV_MUST_CHECK int queue_request_ensure(struct queue *queue, const char *user);

/* Start what may start at `now_ms`. */
void queue_dispatch(struct queue *queue, int64_t now_ms);
/* When queue_dispatch() is to be called again without a new request; -1 for never. */
int64_t queue_next_ms(const struct queue *queue);
/* A started job ended. One that is not running is ignored. */
void queue_end(struct queue *queue, enum queue_kind kind, const char *user,
	       enum queue_outcome outcome, const char *text, int64_t now_ms);

/* Whether `run` covers a request for `user` (NULL or "": everybody) numbered `seq`. */
bool queue_covers(const struct queue_job *run, enum queue_kind kind, const char *user,
		  uint64_t seq);

enum queue_lane_state queue_lane_state(const struct queue *queue);
/* A reconcile that covers `user` runs, or waits for its turn (not for a retry). */
bool queue_reconcile_coming(const struct queue *queue, const char *user);
/* The last reconcile of everybody was broken and waits for its retry. */
bool queue_reconcile_stuck(const struct queue *queue);
/* The `seq` of the running plan, 0 when none runs. */
uint64_t queue_plan_seq(const struct queue *queue);

enum queue_home_state queue_home_state(const struct queue *queue, const char *user);
/* Asked for by an ensure: failed steps are tried before their retry has come. */
bool queue_home_forced(const struct queue *queue, const char *user);
unsigned int queue_n_running(const struct queue *queue);
unsigned int queue_n_queued(const struct queue *queue);

/* Keep, and read, what a running home job is at. NULL when nothing is known. */
void queue_note_progress(struct queue *queue, const char *user,
			 const struct queue_progress *progress);
const struct queue_progress *queue_get_progress(const struct queue *queue, const char *user);

#endif
