/* cmd_reconcile.h - `devvmctl reconcile`. */
#ifndef DEVVM_CTL_CMD_RECONCILE_H
#define DEVVM_CTL_CMD_RECONCILE_H

#include "ctl/ctl.h"

enum reconcile_mode {
	RECONCILE_PLAIN,
	RECONCILE_DRY,	      /* say what it would change and touch nothing */
	RECONCILE_DRY_JSON,   /* the same, an object per line */
	RECONCILE_MASS_LEAVE, /* whoever the roster drops may leave, however many they are */
};

/* Make the machine what the roster says, for everybody or one `user` (else NULL). */
enum ctl_exit reconcile_run(const struct ctl *ctl, const char *user, enum reconcile_mode mode);

#endif
