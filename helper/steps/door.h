/* door.h - the steps `door` and `nginx`: where the front door finds people's servers.
 *
 * `door` writes from the people of the ledger, each file replaced whole where it differs:
 *   /etc/t3-serve/nginx-people.conf   a map IDENTITY -> upstream, and an upstream per person who is
 *                                     on the roster and not parked
 *   /etc/t3-serve/door.json           `admins`, who see the status page; `away`: IDENTITY: "parked" or "left"
 *   /etc/t3-serve/nginx-secret.conf   0600: a digest of what a proxy must say, from /etc/devvm/door-secret; absent
 *                                     without that file
 * `nginx`, part of the settle job, has an nginx that runs reload when either is another file than the one it was
 * last told of (/run/devvm/nginx-told). No login waits for it.
 */
#ifndef DEVVM_STEPS_DOOR_H
#define DEVVM_STEPS_DOOR_H

#include "steps/steps.h"

DV_MUST_CHECK int door_check(struct step_context *context, enum step_verdict *ret_verdict,
			     char ret_what[static STEP_WHAT_BYTES], struct dv_error *err);
DV_MUST_CHECK int door_apply(struct step_context *context, struct dv_error *err);
DV_MUST_CHECK int nginx_check(struct step_context *context, enum step_verdict *ret_verdict,
			      char ret_what[static STEP_WHAT_BYTES], struct dv_error *err);
DV_MUST_CHECK int nginx_apply(struct step_context *context, struct dv_error *err);

#endif
