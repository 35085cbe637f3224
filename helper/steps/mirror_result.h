/* mirror_result.h - what a run of a mirror tells root: one small file of JSON.
 *
 * The unit devvm-mirror@NAME writes it into its own folder when it has ended, as the account
 * devvm-mirror; root reads it when the unit runs no more. Root believes the counts and the
 * sentence within limits, and nothing else: a file that is too large, is no plain file, or says
 * something that is none of this counts as no result.
 */
#ifndef DEVVM_STEPS_MIRROR_RESULT_H
#define DEVVM_STEPS_MIRROR_RESULT_H

#include <stdint.h>

#include "base/env.h"
#include "ledger/mirrors_log.h"

#define MIRROR_STATE_FOLDER "var/cache/devvm-mirror" /* CacheDirectory= of the unit, and NAME */
#define MIRROR_RESULT "result.json"
#define MIRROR_LINKS_FOLDER "run/devvm/mirrors" /* what the unit is pointed to */
#define MIRROR_ACCOUNT "devvm-mirror"

struct mirror_result {
	enum mirrors_log_state state;
	int64_t started_usec, ended_usec;
	int64_t checked, copied, deleted, errors, bytes;
	char text[ERROR_MAX_BYTES]; /* "" for an ok one */
};

/* Write it into the open folder, whole. */
DV_MUST_CHECK int mirror_result_write(int folder_fd, const struct mirror_result *result,
				      struct dv_error *err);
/* Read that of `name`. -ENOENT where there is none, -EBADMSG for one that is no result. */
DV_MUST_CHECK int mirror_result_read(const struct env *env, const char *name,
				     struct mirror_result *ret_result, struct dv_error *err);

#endif
