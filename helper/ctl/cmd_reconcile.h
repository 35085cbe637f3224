/* cmd_reconcile.h - `devvmctl reconcile`. */
#ifndef DEVVM_CTL_CMD_RECONCILE_H
#define DEVVM_CTL_CMD_RECONCILE_H

#include "ctl/ctl.h"

/* Make the machine what the roster says, for everybody or one `user` (else NULL); with
 * `is_dry_run` say what that would change and touch nothing. */
enum ctl_exit reconcile_run(const struct ctl *ctl, const char *user, bool is_dry_run);

#endif
