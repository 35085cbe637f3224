/* steps_log.h - the last result of each step, per person, and when to try again.
 *
 * Machine-wide steps have the name "". A result that says the same as the one before
 * is not written again, so a reconcile that changes nothing writes nothing.
 */
#ifndef DEVVM_LEDGER_STEPS_LOG_H
#define DEVVM_LEDGER_STEPS_LOG_H

#include "ledger/ledger.h"

enum steps_log_status {
	STEPS_LOG_UNSET,
	STEPS_LOG_OK,
	STEPS_LOG_FAILED,
};

struct steps_log_row {
	char *name; /* the person, "" for the machine */
	char *step;
	enum steps_log_status status;
	char *error;		 /* the sentence of a failed one, else NULL */
	char *fingerprint;	 /* what the step was applied for; may be NULL */
	int64_t generation;	 /* the person's when it ran */
	unsigned int attempts;	 /* failed ones in a row */
	int64_t next_retry_usec; /* of a failed one; 0 for an ok one */
	int64_t updated_usec;	 /* when this result was last confirmed */
};

struct steps_log {
	struct steps_log_row *rows; /* sorted by name, step */
	size_t n_rows;
};

void steps_log_done(struct steps_log *log);

/* What happened, as the runner knows it. */
struct steps_log_result {
	const char *name;
	const char *step;
	enum steps_log_status status;
	const char *error;
	const char *fingerprint;
	int64_t generation;
	int64_t now_usec;
};

/* Record it; computes attempts and the next retry: exponential from
 * STEPS_LOG_FIRST_RETRY_MS, doubled each time, at most an hour, less up to a quarter of
 * jitter. `updated_usec` of an unchanged ok result is written again only when it is
 * older than STEPS_LOG_CONFIRM_MS. */
#define STEPS_LOG_FIRST_RETRY_MS 10000
#define STEPS_LOG_MAX_RETRY_MS 3600000
#define STEPS_LOG_CONFIRM_MS 600000
DV_MUST_CHECK int steps_log_put(struct ledger *ledger, const struct steps_log_result *result,
				struct dv_error *err);

/* What failed for people and waits for its next try is due at `now_usec`: what it waited for may be
 * there now. */
DV_MUST_CHECK int steps_log_retry_people(struct ledger *ledger, int64_t now_usec,
					 struct dv_error *err);

/* The failed rows of everybody. */
DV_MUST_CHECK int steps_log_list_failed(struct ledger *ledger, struct steps_log *ret_log,
					struct dv_error *err);

/* All rows, or those of one person (`name` not NULL). */
DV_MUST_CHECK int steps_log_list(struct ledger *ledger, const char *name, struct steps_log *ret_log,
				 struct dv_error *err);

/* NULL when there is no such row. A reconcile asks for each step of each person, where thousands may
 * have failed: the lists above come in the order of name and step (sqlite's BINARY is strcmp(3)'s). */
const struct steps_log_row *steps_log_find(const struct steps_log *log, const char *name,
					   const char *step);

#define DV_AUTO_STEPS_LOG DV_CLEANUP(steps_log_done)

#endif
