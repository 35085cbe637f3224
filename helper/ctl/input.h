/* input.h - read a file that whoever runs devvmctl named, whole.
 *
 * Unlike file_read() it follows links and takes pipes, so that `--roster <(git show
 * HEAD:roster.yaml)` and /dev/stdin work: the caller reads with their own rights and
 * waits for their own pipe. Not for anything that runs as root on its own.
 */
#ifndef DEVVM_CTL_INPUT_H
#define DEVVM_CTL_INPUT_H

#include "base/error.h"

/* At most `max_bytes` (-EFBIG above that). The result is NUL-terminated behind its last
 * byte and owned by the caller. Blocks as long as a pipe's writer does. */
DV_MUST_CHECK int input_read(const char *path, size_t max_bytes, char **ret_text,
			     size_t *ret_n_bytes, struct dv_error *err);

#endif
