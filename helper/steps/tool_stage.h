/* tool_stage.h - one tool of `tools:` from its URL to a folder that can be taken into the store.
 *
 * Root does it, in a folder that only root can enter, and unpacks nothing before its digest is the
 * pinned one; what an archive says of owners is ignored, and the store takes over files, folders and
 * links that stay inside, with modes of its own. So two machines hold the same bytes.
 */
#ifndef DEVVM_STEPS_TOOL_STAGE_H
#define DEVVM_STEPS_TOOL_STAGE_H

#include "base/env.h"
#include "config/config.h"

/* Fetch, verify, unpack. Returns an fd of the folder that holds the tool, or -errno: those of
 * fetch_file(); -EIO with tar's sentence, -ENOENT for a member that is not in it, -EINVAL for one
 * that is no file. Blocks for as long as a download takes. Clean up with tool_stage_remove(). */
DV_MUST_CHECK int tool_stage(const struct env *env, const struct config_tool *tool,
			     struct dv_error *err);
/* Whatever it left; nothing is success. */
DV_MUST_CHECK int tool_stage_remove(const struct env *env, const struct config_tool *tool,
				    struct dv_error *err);

#endif
