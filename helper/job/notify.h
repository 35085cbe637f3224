/* notify.h - the message that a run which has ended leaves for devvm-job notify. */
#ifndef DEVVM_JOB_NOTIFY_H
#define DEVVM_JOB_NOTIFY_H

#include "base/error.h"
#include "rollout/notify.h"

/* Cut a message into its lines, in place. -EBADMSG for anything else. */
DV_MUST_CHECK int notify_parse(char *message, const char *ret_lines[static NOTIFY_LINES],
			       struct dv_error *err);

#endif
