/* cmd_mirrors.h - the inside of `devvmctl mirrors`. */
#ifndef DEVVM_CTL_CMD_MIRRORS_H
#define DEVVM_CTL_CMD_MIRRORS_H

#include "ctl/ctl.h"

/* The newest run of each mirror, or every run that is kept. */
enum ctl_exit mirrors_run(const struct ctl *ctl, bool as_json, bool all);

#endif
