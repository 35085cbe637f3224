/* notify.h - what a run that has ended leaves for devvm-job notify. */
#ifndef DEVVM_JOB_NOTIFY_H
#define DEVVM_JOB_NOTIFY_H

#include "base/error.h"

/* A file per run, named by its number; root's, made by the updater, opened by systemd. */
#define NOTIFY_FOLDER "run/devvm/notify" /* below the root of struct env */
#define NOTIFY_LINES 4			 /* outcome, run, version, sentence */

/* Cut a message into its lines, in place. -EBADMSG for anything else. */
DV_MUST_CHECK int notify_parse(char *message, const char *ret_lines[static NOTIFY_LINES],
			       struct dv_error *err);

#endif
