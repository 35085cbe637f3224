/* status_ask.h - asking the helper for the status page.
 *
 * Single flight: who asks while an answer is under way gets that one, so that ten pages left open cost the
 * helper no more than one does.
 */
#ifndef DEVVM_DISPATCH_STATUS_ASK_H
#define DEVVM_DISPATCH_STATUS_ASK_H

#include <stdbool.h>

#include "dispatch/call.h"
#include "dispatch/work.h"

struct status_flight;

/* `pool` and `helper_path` are borrowed, and all stay for good. */
struct status_ask {
	struct work_pool *pool;
	const char *helper_path;
	struct status_flight *flight; /* NULL: none under way */
};

/* Answers `call` with the page or, where its target is that of the JSON, with that. */
void status_ask(struct status_ask *ask, struct door_call *call);

#endif
