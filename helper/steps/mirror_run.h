/* mirror_run.h - root's side of the runs of mirrors: point the units to what they need, start them,
 * hear how they ended.
 *
 * A unit devvm-mirror@NAME may write to run/devvm/mirrors/NAME.destination and is given
 * NAME.credential as its credential. Both are links that root makes right before a start, so no
 * drop-in and no reload is needed, and a mirror that is taken away leaves nothing behind.
 */
#ifndef DEVVM_STEPS_MIRROR_RUN_H
#define DEVVM_STEPS_MIRROR_RUN_H

#include <sys/types.h>

#include "config/config_mirrors.h"
#include "steps/mirror_result.h"

/* Make the destination where it is absent, the account's, and the links. Refuses a destination that
 * is reached by a link, or that belongs to somebody else: it is not taken from them. */
DV_MUST_CHECK int mirror_prepare(const struct env *env, const struct config *config,
				 const struct config_mirror *mirror, uid_t uid, gid_t gid,
				 struct dv_error *err);
/* Take the links away again. */
void mirror_forget(const struct env *env, const char *name);

/* Start the units of these mirrors and wait for all of them, an hour at most. How each ended is in
 * its result. */
#define MIRROR_RUN_MAX 16
DV_MUST_CHECK int mirror_start(const struct config_mirror *const *mirrors, size_t n_mirrors,
			       struct dv_error *err);

/* The result of a run that ended at `since_usec` or later: one that a killed pass had started may
 * have been under way then. -ESRCH with a sentence where the unit left none. */
DV_MUST_CHECK int mirror_hear(const struct env *env, const char *name, int64_t since_usec,
			      struct mirror_result *ret_result, struct dv_error *err);

#endif
