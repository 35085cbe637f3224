/* protect_tree.h - one tree of `protect:`: whether others may enter it, and closing it.
 *
 * Runs as the tree's owner, who alone may change its mode, and only its top: what nobody can enter
 * needs no look inside. The path is followed without links, so what is closed is what was named.
 */
#ifndef DEVVM_STEPS_PROTECT_TREE_H
#define DEVVM_STEPS_PROTECT_TREE_H

#include <sys/types.h>

#include "base/error.h"

enum protect_state {
	PROTECT_UNSET,
	PROTECT_CLOSED, /* to others */
	PROTECT_OPEN,
	PROTECT_ABSENT, /* there is nothing to enter */
};

/* Look at `path` (absolute) below `root_dirfd`; its owner must be `uid` and its group `gid`. `ret_mode` gets
 * its permission bits unless it is absent. -EPERM for another owner or group, -ELOOP for a link on
 * the way, -EINVAL for what is neither folder nor file, -EACCES where the caller may not look. */
DV_MUST_CHECK int protect_look(int root_dirfd, const char *path, uid_t uid, gid_t gid,
			       enum protect_state *ret_state, mode_t *ret_mode,
			       struct dv_error *err);
/* Take r, w and x away from others. The same errors; 0 for what is closed or absent. */
DV_MUST_CHECK int protect_close(int root_dirfd, const char *path, uid_t uid, gid_t gid,
				struct dv_error *err);

#endif
