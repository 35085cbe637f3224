/* path.c - ~/.local/bin, which every PATH we give starts with. */
#include "steps/path.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "steps/work.h"

#define LOCAL_BIN ".local/bin"

int path_check(struct step_context *context, enum step_verdict *ret_verdict,
	       char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	struct stat st;

	/* A link of the person's own to a folder is a folder. */
	if (fstatat(context->home->home_fd, LOCAL_BIN, &st, 0) == 0) {
		if (!S_ISDIR(st.st_mode))
			return dv_refuse(err, -ENOTDIR, "~/%s is not a folder: move it away",
					 LOCAL_BIN);
		*ret_verdict = STEP_FINE;
		return 0;
	}
	if (errno != ENOENT)
		return dv_fail(err, -errno, "look at ~/%s", LOCAL_BIN);
	*ret_verdict = STEP_DIFFERS;
	(void)snprintf(ret_what, STEP_WHAT_BYTES, "create ~/%s", LOCAL_BIN);
	return 0;
}

int path_apply(struct step_context *context, struct dv_error *err)
{
	return file_make_dirs(context->home->home_fd, LOCAL_BIN, 0755, err);
}
