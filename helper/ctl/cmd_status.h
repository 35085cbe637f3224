/* cmd_status.h - `devvmctl status`. */
#ifndef DEVVM_CTL_CMD_STATUS_H
#define DEVVM_CTL_CMD_STATUS_H

#include "ctl/ctl.h"

/* Ask and print; `user` NULL: everybody the caller may see. */
enum ctl_exit status_run(const struct ctl *ctl, const char *user, bool as_json);

#endif
