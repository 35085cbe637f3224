/* t3.h - which program the caller's t3 is; for tests. */
#ifndef DEVVM_AGENT_T3_H
#define DEVVM_AGENT_T3_H

#include "config/config.h"

/* The program of `user` (NULL: of nobody in particular), absolute, the caller's to free.
 * -ENOENT, with who must do what, where no version is installed. */
DV_MUST_CHECK int t3_find_program(const struct env *env, const struct config *config,
				  const char *user, char **ret_program, struct dv_error *err);

#endif
