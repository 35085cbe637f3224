/* maps.h - the step `maps`: who is who at the front door and at the web terminal.
 *
 * Three files, each written whole from the people of the ledger who are on the roster, parked ones
 * too (they may log in; only nothing of theirs runs), and replaced where it differs:
 *   /etc/t3-serve/dispatch.json   {"IDENTITY": {"os_user": NAME, "port": T3-PORT}}
 *   /etc/ttyd-user-map            IDENTITY=NAME, a line each
 *   /etc/ttyd-admins              the NAME of each admin, a line each
 * They hold no secret and everybody may read them. Who left is in none of them.
 */
#ifndef DEVVM_STEPS_MAPS_H
#define DEVVM_STEPS_MAPS_H

#include "steps/steps.h"

DV_MUST_CHECK int maps_check(struct step_context *context, enum step_verdict *ret_verdict,
			     char ret_what[static STEP_WHAT_BYTES], struct dv_error *err);
DV_MUST_CHECK int maps_apply(struct step_context *context, struct dv_error *err);

#endif
