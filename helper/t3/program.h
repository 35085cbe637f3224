/* program.h - the file that is run for a version of t3. */
#ifndef DEVVM_T3_PROGRAM_H
#define DEVVM_T3_PROGRAM_H

#include "base/env.h"
#include "config/config.h"

#define T3_ITEM "t3" /* its name in the store */

/* The absolute path of what `bin` of that version's package names, in the version's own folder; the
 * caller's. -ENOENT where the version is not in the store, with a sentence. */
DV_MUST_CHECK int t3_program_of(const struct env *env, const struct config *config,
				const char *version, char **ret_program, struct dv_error *err);

#endif
