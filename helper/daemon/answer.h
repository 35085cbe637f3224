/* answer.h - an answer in the making.
 *
 * A verb's handler either writes one record and is finished, or returns a `struct answer`:
 * a cursor that is asked for one record after the other whenever the peer can take one. So
 * an answer costs no more memory than its cursor, however slowly it is read, and a waiting
 * one costs nothing until it is kicked.
 */
#ifndef DEVVM_DAEMON_ANSWER_H
#define DEVVM_DAEMON_ANSWER_H

#include "base/str.h"
#include "daemon/queue.h"
#include "wire/proto.h"

struct daemon;

enum answer_next {
	ANSWER_RECORD, /* one was written and more follow */
	ANSWER_LAST,   /* the last one was written */
	ANSWER_WAIT,   /* nothing to say until something happens */
};

/* A report that is passed on as it comes in. */
struct answer_progress {
	const char *user, *step, *status;
	const char *text;   /* NULL for none */
	unsigned int n, of; /* 0 when not known */
};

struct answer {
	const struct answer_ops *ops;
	struct daemon *daemon;
	char user[STR_USER_NAME_MAX + 1]; /* whom it is about; "" for everybody */
};

struct answer_ops {
	/* Write the next record. Makes requests to the queue at most; starts nothing. */
	enum answer_next (*next)(struct answer *answer, struct record_writer *writer);
	/* Hear a report about `user`, or, where `user` is "", any. NULL: not of interest. */
	void (*on_progress)(struct answer *answer, const struct answer_progress *progress);
	/* Hear the end of a job. NULL: only be asked for the next record. */
	void (*on_end)(struct answer *answer, const struct queue_job *job,
		       enum queue_outcome outcome, const char *text);
	/* The peer takes no more for now: let go of what can be read again. May be NULL. */
	void (*rest)(struct answer *answer);
	void (*release)(struct answer *answer); /* its own parts, not itself; may be NULL */
	bool every_second;			/* asked for a record once a second */
};

/* Allocate an answer of `n_bytes`, which begins with a struct answer. NULL when memory is
 * short. */
void *answer_new(size_t n_bytes, const struct answer_ops *ops, struct daemon *daemon,
		 const char *user);
void answer_free(struct answer *answer);

/* The last records. */
void answer_write_done(struct record_writer *writer, const char *outcome, const char *text);
void answer_write_error(struct record_writer *writer, const char *code, const char *format, ...)
	DV_PRINTF(3, 4);
void answer_write_progress(struct record_writer *writer, const struct answer_progress *progress);

#endif
