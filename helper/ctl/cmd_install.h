/* cmd_install.h - `devvmctl install` and `devvmctl machine` behind their options; for tests. */
#ifndef DEVVM_CTL_CMD_INSTALL_H
#define DEVVM_CTL_CMD_INSTALL_H

#include "ctl/ctl.h"

/* `version` NULL: the tag that devvm.yaml follows. */
enum ctl_exit install_run(const struct ctl *ctl, const char *item, const char *version);
enum ctl_exit machine_run(const struct ctl *ctl, bool packages);

#endif
