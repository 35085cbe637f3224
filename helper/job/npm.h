/* npm.h - npm, run by a job without rights in a folder of its own.
 *
 * Which registry is update.registry of devvm.yaml, without it npm's own configuration. npm and the scripts of packages find our node first
 * and write nowhere but to that folder.
 */
#ifndef DEVVM_JOB_NPM_H
#define DEVVM_JOB_NPM_H

#include <stdint.h>

#include "base/process.h"
#include "store/node.h"
#include "store/store.h"

struct npm {
	const char *work; /* absolute, borrowed; its cache is WORK/cache */
	struct node_found node;
	struct process_result *result; /* of the last run */
};

/* Find the node, and set the environment of this process for all that is run. */
DV_MUST_CHECK int npm_init(struct npm *npm, const struct config *config, enum node_purpose purpose,
			   const char *work, struct dv_error *err);
void npm_done(struct npm *npm);

/* Run it in WORK/`below` ("" for WORK); its answer is in `npm->result`. The sentence of a failure
 * is npm's, with its code: "npm: E404: …". */
DV_MUST_CHECK int npm_run(struct npm *npm, const char *const *argv, const char *below,
			  int64_t deadline_ms, struct dv_error *err);

/* npm view SPEC FIELD… --json: at most NPM_FIELDS_MAX fields, NULL-terminated. Two minutes. */
#define NPM_FIELDS_MAX 8
DV_MUST_CHECK int npm_view(struct npm *npm, const char *spec, const char *const *fields,
			   struct dv_error *err);
/* The version that `want` names, which may be one already. */
DV_MUST_CHECK int npm_find_version(struct npm *npm, const char *package, const char *want,
				   char ret_version[static STORE_VERSION_BYTES],
				   struct dv_error *err);

#endif
