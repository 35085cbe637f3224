/* tokens.h - digests of the shared tokens that were ever staged.
 *
 * Written before a token reaches anybody's file, so that a token found in a file can be
 * told from one that somebody put there themselves, also after a kill in between.
 */
#ifndef DEVVM_LEDGER_TOKENS_H
#define DEVVM_LEDGER_TOKENS_H

#include "base/str.h"
#include "ledger/ledger.h"

/* All of them; `ret_digests` is filled, owned by the caller. */
DV_MUST_CHECK int tokens_list(struct ledger *ledger, struct str_list *ret_digests,
			      struct dv_error *err);
DV_MUST_CHECK int tokens_add(struct ledger *ledger, const char *digest, struct dv_error *err);

#endif
