/* cmd_wait.h - `devvmctl wait`. */
#ifndef DEVVM_CTL_CMD_WAIT_H
#define DEVVM_CTL_CMD_WAIT_H

#include "ctl/ctl.h"

#define WAIT_TIMEOUT_S 600
#define WAIT_PROGRESS_TIMEOUT_S 120 /* it stands between a person and their shell */
#define WAIT_FIRST_MS 250	    /* with the bar, and twice: what a silent helper costs */

/* Stay until what is under way for `user` has ended; `timeout_s` from 1. */
enum ctl_exit wait_run(const struct ctl *ctl, const char *user, uint64_t timeout_s);

/* The same for a login: with the bar, and silent about everything that is not the
 * person's business. */
enum ctl_exit wait_run_progress(const struct ctl *ctl, const char *user, uint64_t timeout_s);

#endif
