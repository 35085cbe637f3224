/* cmd_update_person.h - `devvmctl update --now` and `--not-before`: what somebody says about their own t3. */
#ifndef DEVVM_CTL_CMD_UPDATE_PERSON_H
#define DEVVM_CTL_CMD_UPDATE_PERSON_H

#include "ctl/ctl.h"

/* Read the name, the caller's where there is none, and the time, and ask. `not_before` NULL: now. */
int update_person(const struct ctl *ctl, int argc, char **argv, const char *not_before);

int update_now_run(const struct ctl *ctl, const char *user);
/* `until_usec` 0: no longer. */
int update_not_before_run(const struct ctl *ctl, const char *user, int64_t until_usec);

#endif
