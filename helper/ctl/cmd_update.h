/* cmd_update.h - what `devvmctl update`, `versions`, `freeze` and `unfreeze` do once their words are read. */
#ifndef DEVVM_CTL_CMD_UPDATE_H
#define DEVVM_CTL_CMD_UPDATE_H

#include "ctl/ctl.h"

/* A run of everybody, or of one: its unit ends it after 12 h (TimeoutStartSec= of devvm-update@ and devvm-drain@), and
 * has some seconds for that; then devvm-helperd says how it ended. Whoever gave up before would call it a failure while
 * it goes on. */
#define UPDATE_TOTAL_MS (12 * INT64_C(3600000) + 5 * 60000)

struct update_words {
	bool dry_run, stage_only;
	const char *to, *forgive; /* NULL for none */
	bool now;		  /* one person's t3, to what is current */
	const char *not_before;	  /* and not before then; NULL for none */
};

/* The exit status is that of the run's outcome: update/outcome.h. */
int update_run(const struct ctl *ctl, const struct update_words *words);
/* What is said about one person's own: read the name, the caller's where there is none, and the time, and ask. */
int update_person(const struct ctl *ctl, int argc, char **argv, const struct update_words *words);
int update_now_run(const struct ctl *ctl, const char *user);
/* `until_usec` 0: no longer. */
int update_not_before_run(const struct ctl *ctl, const char *user, int64_t until_usec);
/* Say how a run ended; its exit status. */
struct follow_result;
int update_tell(const struct ctl *ctl, const struct follow_result *result);
enum ctl_exit versions_run(const struct ctl *ctl, bool as_json);
/* `until_usec` 0: for good. */
enum ctl_exit freeze_run(const struct ctl *ctl, const char *reason, int64_t until_usec);
enum ctl_exit unfreeze_run(const struct ctl *ctl);

#endif
