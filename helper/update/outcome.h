/* outcome.h - how a run of the updater can end: one table for exit statuses, journal message ids and words.
 *
 * The exit status is that of devvm-job update and of devvmctl update; below 10 it means what it
 * means for every command. The message id is on the one line of the journal that tells the end
 * of a run, so that an alert can be written for each (docs/UPDATES.md lists them). Ids and
 * numbers are never given to another outcome.
 */
#ifndef DEVVM_UPDATE_OUTCOME_H
#define DEVVM_UPDATE_OUTCOME_H

#include <stdbool.h>

enum update_outcome {
	UPDATE_UNSET,
	UPDATE_STAGED,
	UPDATE_CURRENT,
	UPDATE_PLANNED,
	UPDATE_FAILED,
	UPDATE_FROZEN,
	UPDATE_BUSY,
	UPDATE_INTERRUPTED,
	UPDATE_OUTSIDE,
	UPDATE_NO_REGISTRY,
	UPDATE_NO_VERSION,
	UPDATE_MOVED,
	UPDATE_BACKWARD,
	UPDATE_CHANNEL,
	UPDATE_KNOWN_BAD,
	UPDATE_DEPRECATED,
	UPDATE_INCOMPLETE,
	UPDATE_TOO_NEW,
	UPDATE_NO_DISK,
	UPDATE_NO_MEMORY,
	UPDATE_INTEGRITY,
	UPDATE_NOT_STAGED,
	UPDATE_SCRIPT,
	UPDATE_DONE,
	UPDATE_DEFERRED,
	UPDATE_BAD,
	UPDATE_INCONCLUSIVE,
	UPDATE_ROLLED_BACK,
	UPDATE_N_OUTCOMES,
};

struct update_outcome_row {
	const char *name; /* in the ledger, on the wire, in --json */
	int exit_status;
	int priority;		/* of syslog */
	const char *message_id; /* 32 hex digits */
	const char *meaning;
};

/* Never NULL; UPDATE_UNSET has a row too. */
const struct update_outcome_row *update_outcome_row(enum update_outcome outcome);
/* UPDATE_UNSET for any other word, and NULL. */
enum update_outcome update_outcome_of(const char *name);

/* What the sentence of a stage says about why it failed: npm's codes are in it. */
enum update_outcome update_outcome_of_npm(const char *sentence);

#endif
