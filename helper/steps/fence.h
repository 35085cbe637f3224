/* fence.h - the step `fence`: only its owner may connect to a person's port.
 *
 * A loopback port has no owner: any local user can connect to another's. Where there is
 * nftables, one generated table (/run/devvm/ports.nft, loaded by devvm-ports.service) lets
 * only the owner, root and the front door's accounts connect, and nobody from outside.
 */
#ifndef DEVVM_STEPS_FENCE_H
#define DEVVM_STEPS_FENCE_H

#include "steps/steps.h"

int fence_check(struct step_context *context, enum step_verdict *ret_verdict,
		char ret_what[static STEP_WHAT_BYTES], struct dv_error *err);
/* While people are being made the table is out of date as soon as it is loaded, so the check behind
 * it holds what was loaded against the file, and not against who has come since. */
int fence_apply(struct step_context *context, struct dv_error *err);

/* Whether somebody has come or gone since it was loaded; what cannot be found out is false. */
bool fence_is_outdated(struct step_context *context);

#endif
