/* insist.h - whether a t3 lets in, asked more than once: nginx, devvm-dispatch or devvm-helperd may be about to start
 * again, or the machine have a moment of much to do, which says nothing of a version.
 *
 * For a quarter of the time that a start may take (update.start_timeout; 30 s of 120) it is asked again, as long as the
 * process is the one that was started: what ended, or was started anew, has failed at once.
 */
#ifndef DEVVM_MOVE_INSIST_H
#define DEVVM_MOVE_INSIST_H

#include <stdbool.h>

#include "move/letin.h"
#include "units/manager.h"

struct insist {
	const struct letin *letin;
	struct manager *manager;
	int64_t started_usec;
	bool is_systemds; /* the start failed in systemd, and says nothing of the version */
};

/* letin_start(), and its process is the one that counts from here on. */
DV_MUST_CHECK int insist_start(struct insist *insist, struct dv_error *err);
/* letin_pair() and letin_look(), more than once. The sentence is the last one's. */
DV_MUST_CHECK int insist_pair(const struct insist *insist, struct secret *ret_cookies,
			      struct dv_error *err);
DV_MUST_CHECK int insist_look(const struct insist *insist, const struct secret *cookies,
			      struct dv_error *err);

#endif
