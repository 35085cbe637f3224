/* ask.h - the question to devvm-helperd, for whoever has no ticket. */
#ifndef DEVVM_PAM_ASK_H
#define DEVVM_PAM_ASK_H

#include <stdint.h>

#include "outcome.h"

/* Ask on PATH_PAM_SOCKET that `user` be prepared, and wait for the answer until
 * `deadline_ms` (clock.h) at the latest. `service` may be NULL, and is left out when
 * it is no clean text. OUTCOME_READY, OUTCOME_NOT_OURS, or why not, with the detail
 * in `err`. */
enum outcome ask_open_session(const char *user, const char *service, int64_t deadline_ms,
			      struct dv_error *err);

#endif
