/* update_end.h - how long a run of the updater is waited for, and how its end is told. */
#ifndef DEVVM_CTL_UPDATE_END_H
#define DEVVM_CTL_UPDATE_END_H

#include "ctl/ctl.h"

struct follow_result;

/* A run of everybody, or of one: its unit ends it after 12 h (TimeoutStartSec= of devvm-update@ and devvm-drain@), and
 * has some seconds for that; then devvm-helperd says how it ended. Whoever gave up before would call it a failure while
 * it goes on. */
#define UPDATE_TOTAL_MS (12 * INT64_C(3600000) + 5 * 60000)

/* Say how a run ended. The exit status is that of its outcome: update/outcome.h. */
int update_tell(const struct ctl *ctl, const struct follow_result *result);

#endif
