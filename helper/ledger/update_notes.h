/* update_notes.h - what the updater remembers beside its runs: single values of the ledger. */
#ifndef DEVVM_LEDGER_UPDATE_NOTES_H
#define DEVVM_LEDGER_UPDATE_NOTES_H

#include <stdbool.h>

#include "base/str.h"
#include "ledger/ledger.h"

/* The version an update last brought to its end; "" before the first. */
DV_MUST_CHECK int update_get_last_good(struct ledger *ledger, char **ret_version,
				       struct dv_error *err);
DV_MUST_CHECK int update_set_last_good(struct ledger *ledger, const char *version,
				       struct dv_error *err);

/* How the run of an instance of devvm-update@ ended, for devvm-helperd, which tells whoever asked.
 * Its parts are owned by the caller; `outcome` is NULL when nothing is known. */
DV_MUST_CHECK int update_put_result(struct ledger *ledger, const char *instance,
				    const char *outcome, const char *text, struct dv_error *err);
DV_MUST_CHECK int update_get_result(struct ledger *ledger, const char *instance, char **ret_outcome,
				    char **ret_text, struct dv_error *err);

/* The gate has found this package good beside that last good version, but for these people. It is remembered for
 * UPDATE_GATED_USEC, of one package. */
#define UPDATE_GATED_USEC (INT64_C(24) * 3600 * 1000000)
DV_MUST_CHECK int update_note_gated(struct ledger *ledger, const char *version,
				    const char *integrity, const char *last_good, int64_t at_usec,
				    const struct str_list *excluded, struct dv_error *err);
DV_MUST_CHECK int update_is_gated(struct ledger *ledger, const char *version, const char *integrity,
				  const char *last_good, int64_t now_usec, bool *ret_is,
				  struct str_list *ret_excluded, struct dv_error *err);
/* Whether it is the last version that a gate has let pass, however long ago: for whoever goes on with what a run
 * began. */
DV_MUST_CHECK int update_was_gated(struct ledger *ledger, const char *version, bool *ret_was,
				   struct str_list *ret_excluded, struct dv_error *err);

#endif
