/* cmd_secrets.h - the inside of `devvmctl secrets`. */
#ifndef DEVVM_CTL_CMD_SECRETS_H
#define DEVVM_CTL_CMD_SECRETS_H

#include "ctl/ctl.h"

enum ctl_exit secrets_run(const struct ctl *ctl, bool as_json);

#endif
