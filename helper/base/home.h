/* home.h - files in the caller's own home.
 *
 * For programs that run as the owner of the home, without privileges. What lies there may be
 * anything: links of theirs are followed (it is where they keep their things), but a FIFO or
 * a device is never opened and a file is read up to a cap. A file of ours goes only into a folder
 * inside the home that is theirs, so no link leads a token out of it. Errors name the file as
 * ~/PATH.
 */
#ifndef DEVVM_BASE_HOME_H
#define DEVVM_BASE_HOME_H

#include <stddef.h>
#include <sys/stat.h>

#include "base/error.h"

/* The folder, made with `mode` where absent (folders on the way: 0755). Returns its fd. -EXDEV
 * where a link leads out of the home, -EPERM where it belongs to somebody else. */
DV_MUST_CHECK int home_open_folder(int home_fd, const char *path, mode_t mode,
				   struct dv_error *err);

/* The whole of a regular file, NUL-terminated behind its last byte, owned by the caller.
 * -ENOENT when absent (a link that leads nowhere too), -EINVAL for what is no regular file,
 * -EFBIG above `max_bytes`. */
DV_MUST_CHECK int home_read(int home_fd, const char *path, size_t max_bytes, char **ret_data,
			    size_t *ret_n_bytes, struct dv_error *err);

#endif
