/* schema.h - what tables there are, and how an older database comes to have them.
 *
 * Internal to helper/ledger. The schema is the sum of SCHEMA_MIGRATIONS, whose number is the database's
 * user_version: what is written there once never changes, a change is a new row at its end. A database that a
 * newer devvm has written is refused, never guessed at.
 */
#ifndef DEVVM_LEDGER_SCHEMA_H
#define DEVVM_LEDGER_SCHEMA_H

#include <stdbool.h>

#include "ledger/ledger.h"

/* Whether nothing is missing. -EPROTO: a newer devvm's. */
DV_MUST_CHECK int schema_look(struct ledger *ledger, bool *ret_is_current, struct dv_error *err);

/* Add what is missing, in the caller's transaction; all or, with its rollback, nothing. -EPROTO as above. */
DV_MUST_CHECK int schema_migrate(struct ledger *ledger, struct dv_error *err);

#endif
