/* mirrors_log.h - the last runs of each mirror: what they counted, and why one was refused.
 *
 * MIRRORS_LOG_KEPT of a mirror are kept; the oldest goes when one more comes. No credential is in
 * a row.
 */
#ifndef DEVVM_LEDGER_MIRRORS_LOG_H
#define DEVVM_LEDGER_MIRRORS_LOG_H

#include "ledger/ledger.h"

#define MIRRORS_LOG_KEPT 20

enum mirrors_log_state {
	MIRRORS_LOG_UNSET,
	MIRRORS_LOG_OK,
	MIRRORS_LOG_REFUSED, /* nothing was deleted, nothing was copied */
	MIRRORS_LOG_FAILED,  /* it may have copied some; the next run goes on */
};

struct mirrors_log_row {
	char *name;
	char *route; /* "SOURCE -> DESTINATION" */
	enum mirrors_log_state state;
	int64_t started_usec, ended_usec; /* wall time, since the epoch */
	int64_t checked, copied, deleted, errors, bytes;
	char *text; /* why it was refused or failed; NULL for an ok one */
};

struct mirrors_log {
	struct mirrors_log_row *rows; /* sorted by name, the newest run of each first */
	size_t n_rows;
};

DV_MUST_CHECK int mirrors_log_list(struct ledger *ledger, struct mirrors_log *ret_log,
				   struct dv_error *err);
/* The newest run, NULL when there is none. Borrowed. */
const struct mirrors_log_row *mirrors_log_find(const struct mirrors_log *log, const char *name);
void mirrors_log_done(struct mirrors_log *log);

/* Add a run, and forget those above MIRRORS_LOG_KEPT, in one transaction. `row` is only read. */
DV_MUST_CHECK int mirrors_log_add(struct ledger *ledger, const struct mirrors_log_row *row,
				  struct dv_error *err);
/* Forget all runs of a mirror. */
DV_MUST_CHECK int mirrors_log_remove(struct ledger *ledger, const char *name, struct dv_error *err);

/* "ok", "refused", "failed". */
const char *mirrors_log_word(enum mirrors_log_state state);
/* MIRRORS_LOG_UNSET for any other word, and NULL. */
enum mirrors_log_state mirrors_log_state_of(const char *word);

#define DV_AUTO_MIRRORS_LOG DV_CLEANUP(mirrors_log_done)

#endif
