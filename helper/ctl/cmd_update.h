/* cmd_update.h - what `devvmctl update`, `versions`, `freeze` and `unfreeze` do once their words are read. */
#ifndef DEVVM_CTL_CMD_UPDATE_H
#define DEVVM_CTL_CMD_UPDATE_H

#include "ctl/ctl.h"

struct update_words {
	bool dry_run, stage_only;
	const char *to, *forgive; /* NULL for none */
};

/* The exit status is that of the run's outcome: update/outcome.h. */
int update_run(const struct ctl *ctl, const struct update_words *words);
enum ctl_exit versions_run(const struct ctl *ctl, bool as_json);
/* `until_usec` 0: for good. */
enum ctl_exit freeze_run(const struct ctl *ctl, const char *reason, int64_t until_usec);
enum ctl_exit unfreeze_run(const struct ctl *ctl);

#endif
