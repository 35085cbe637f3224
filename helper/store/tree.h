/* tree.h - copy and remove whole folders.
 *
 * For trees that somebody without privileges made and that root takes over: nothing in the
 * source is believed. Every entry is opened by its name in an open folder, never through a
 * link, and looked at again through its descriptor.
 */
#ifndef DEVVM_STORE_TREE_H
#define DEVVM_STORE_TREE_H

#include <stdint.h>

#include "base/digest.h"
#include "base/error.h"

#define TREE_MAX_DEPTH 64
#define TREE_MAX_ENTRIES 400000
#define TREE_MAX_BYTES (UINT64_C(4) << 30)

/* Copy the content of one open folder into another, which is empty. Only regular files,
 * folders, and relative links that stay inside are taken; anything else, a set-id file and a
 * tree past the limits are refused by name. Files become 0444 or, where anybody could run
 * them, 0555, folders 0555, all owned by the caller; several names of one file become
 * several files. The target folder's own mode is the caller's business. */
DV_MUST_CHECK int tree_copy(int from_fd, int to_fd, struct dv_error *err);

/* One digest of all that is in an open folder: paths, kinds, modes, where links point, and the bytes of
 * each file, in the order of names. Not of owners and times: the same tree on another machine
 * has the same. Anything but files, folders and links is refused by name. */
DV_MUST_CHECK int tree_digest(int fd, char ret_hex[static DIGEST_HEX_BYTES], struct dv_error *err);

/* Remove `name` and all below it, read-only folders too. Absent is success. */
DV_MUST_CHECK int tree_remove(int dirfd, const char *name, struct dv_error *err);

#endif
