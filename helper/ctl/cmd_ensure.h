/* cmd_ensure.h - `devvmctl ensure`. */
#ifndef DEVVM_CTL_CMD_ENSURE_H
#define DEVVM_CTL_CMD_ENSURE_H

#include "ctl/ctl.h"
#include "wire/record.h"

#define ENSURE_TIMEOUT_S 1800 /* of --wait */

/* Have `user` prepared; with `timeout_s` above 0 stay until it is done, at most so long. */
enum ctl_exit ensure_run(const struct ctl *ctl, const char *user, uint64_t timeout_s);

#endif
