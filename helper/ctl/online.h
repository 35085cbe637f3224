/* online.h - asking the helper, and saying what to type when it does not work.
 *
 * One connection is one question: a request, then any number of rows and progress
 * records, then `done` or `error`. Nothing here waits past the deadlines it is given.
 */
#ifndef DEVVM_CTL_ONLINE_H
#define DEVVM_CTL_ONLINE_H

#include "ctl/ctl.h"
#include "wire/proto.h"

#define ONLINE_ANSWER_MS 10000 /* for whatever the helper answers from memory */

/* Connect and send. Returns an fd, or -errno as client_connect() and client_send(). */
DV_MUST_CHECK int online_ask(const char *socket_path, const struct record_writer *request,
			     int64_t deadline_ms, struct dv_error *err);

/* Receive the next record and hold it against the protocol. Errors as client_receive(). */
DV_MUST_CHECK int online_next(int fd, struct record *record, int64_t deadline_ms,
			      enum proto_verb *ret_verb, struct dv_error *err);

/* Say why there is no answer and what to type next; the exit status that goes with it.
 * `failure` is what online_ask() or online_next() returned. */
enum ctl_exit online_explain_failure(const struct ctl *ctl, int failure,
				     const struct dv_error *reason);

/* Say what the helper answered instead: `code` and `text` of its `error` record. */
enum ctl_exit online_explain_refusal(const struct ctl *ctl, const char *code, const char *text);

/* How long a question may take; 0 is no limit. */
struct online_limits {
	int64_t total_ms;
	int64_t idle_ms; /* between two records */
};

/* The deadline of the next record, given the one of the whole. */
int64_t online_deadline(int64_t total_deadline_ms, int64_t idle_ms);
/* The deadline of the whole, from now. */
int64_t online_total(int64_t total_ms);

/* Ask, hand each `row` to `on_row` (which returns 0, or -errno with a sentence to stop),
 * and say everything there is to say about what went wrong. */
DV_MUST_CHECK enum ctl_exit online_collect(const struct ctl *ctl,
					   const struct record_writer *request,
					   const struct online_limits *limits,
					   int (*on_row)(const struct record *row, void *context,
							 struct dv_error *err),
					   void *context);

#endif
