/* cmd_mint.h - `devvmctl mint`. */
#ifndef DEVVM_CTL_CMD_MINT_H
#define DEVVM_CTL_CMD_MINT_H

#include "ctl/ctl.h"

/* Print a one-time credential of `user`'s t3. */
enum ctl_exit mint_run(const struct ctl *ctl, const char *user, bool as_json);

#endif
