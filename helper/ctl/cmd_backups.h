/* cmd_backups.h - what `devvmctl backup` and `devvmctl backups` do once their words are read; for tests. */
#ifndef DEVVM_CTL_CMD_BACKUPS_H
#define DEVVM_CTL_CMD_BACKUPS_H

#include <stdbool.h>

#include "ctl/ctl.h"

/* `user` NULL: everybody. */
enum ctl_exit backups_run(const struct ctl *ctl, const char *user, bool as_json);
/* `id` NULL: the newest copy. */
enum ctl_exit restore_run(const struct ctl *ctl, const char *user, const char *id, bool is_dry,
			  bool is_forced);
enum ctl_exit backup_run(const struct ctl *ctl, const char *user);

#endif
