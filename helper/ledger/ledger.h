/* ledger.h - the one database: open, migrate, transact.
 *
 * sqlite, WAL, /var/lib/devvm/ledger.db, 0600 root. The reconcile writes the desired
 * state in one transaction; devvm-helperd writes results and facts; everything else
 * that is root reads. One function per query, in people.h, steps_log.h, events.h; no SQL
 * elsewhere. A schema change is a new row at the end of SCHEMA_MIGRATIONS (schema.c).
 */
#ifndef DEVVM_LEDGER_LEDGER_H
#define DEVVM_LEDGER_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/env.h"

#define LEDGER_FOLDER "var/lib/devvm" /* below the root of struct env */
#define LEDGER_PATH "var/lib/devvm/ledger.db"

struct ledger;

enum ledger_mode {
	LEDGER_WRITE, /* create and migrate as needed */
	/* A copy in memory of what there is, migrated, or an empty one: whatever is written to it is
	 * gone with it, and nothing on disk changes. For dry runs. */
	LEDGER_SCRATCH,
};

/* Open it. `busy_ms` bounds every wait for another writer (0: never wait, calls answer
 * -EBUSY). -EBUSY locked, -EUCLEAN corrupt or not a database, -EPROTO made by a newer
 * devvm. Not for use by several threads. Release with ledger_close(). */
DV_MUST_CHECK int ledger_open(struct ledger **ret_ledger, const struct env *env,
			      enum ledger_mode mode, int busy_ms, struct dv_error *err);
void ledger_close(struct ledger *ledger);
void ledger_closep(struct ledger **ledger);

/* One transaction at a time; begin takes the write lock at once. Rolled back by
 * ledger_rollback() or by closing. */
DV_MUST_CHECK int ledger_begin(struct ledger *ledger, struct dv_error *err);
/* The same for what can be found out again: results of steps, facts, events. Such a transaction is
 * whole or not there after a power loss, but the last ones may be lost: no fsync stands in the
 * way of a login that waits. */
DV_MUST_CHECK int ledger_begin_results(struct ledger *ledger, struct dv_error *err);
DV_MUST_CHECK int ledger_commit(struct ledger *ledger, struct dv_error *err);
void ledger_rollback(struct ledger *ledger);

/* The next roster may drop whomever it wants; written by devvm-helperd, used up by the reconcile. */
#define LEDGER_ALLOW_MASS_LEAVE "allow-mass-leave"

/* Single values: "roster-digest", "roster-error", "roster-told", "config-error", "sshd-reload", "t3-last-good". The value
 * is owned by the caller; NULL when there is none. Setting NULL removes it. */
DV_MUST_CHECK int ledger_get_meta(struct ledger *ledger, const char *key, char **ret_value,
				  struct dv_error *err);
DV_MUST_CHECK int ledger_set_meta(struct ledger *ledger, const char *key, const char *value,
				  struct dv_error *err);

#define DV_AUTO_LEDGER DV_CLEANUP(ledger_closep)

#endif
