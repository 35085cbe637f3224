/* denial.h - whether it is written down that somebody must not get in. */
#ifndef DEVVM_PAM_DENIAL_H
#define DEVVM_PAM_DENIAL_H

#include "outcome.h"

#define DENIAL_MAX_BYTES 512 /* of the sentence; the rest is not shown */

/* Look for PATH_DENIED/`user`; `user` has passed str_is_user_name(). Works for any
 * caller that may search the folder, needs no descriptor to decide, does not block.
 * OUTCOME_ALLOWED; OUTCOME_DENIED with the sentence to show; OUTCOME_BAD_DENIAL,
 * which lets in, with the reason in `err`. */
enum outcome denial_check(const char *user, char ret_sentence[static DENIAL_MAX_BYTES + 1],
			  struct dv_error *err);

#endif
