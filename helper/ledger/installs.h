/* installs.h - how the last install of a program ended: what devvm-job install tells
 * devvm-helperd, which tells whoever asked. */
#ifndef DEVVM_LEDGER_INSTALLS_H
#define DEVVM_LEDGER_INSTALLS_H

#include "ledger/ledger.h"

#define INSTALLS_PACKAGES "packages" /* the instance of devvmctl machine --packages */

/* `instance` is ITEM-WANT, as in the name of the unit. */
DV_MUST_CHECK int installs_put(struct ledger *ledger, const char *instance, bool done,
			       const char *text, struct dv_error *err);
/* `ret_text` is the caller's; NULL when nothing is known. */
DV_MUST_CHECK int installs_get(struct ledger *ledger, const char *instance, bool *ret_done,
			       char **ret_text, struct dv_error *err);

#endif
