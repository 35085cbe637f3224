/* cmd_offboard.h - `devvmctl offboard`. */
#ifndef DEVVM_CTL_CMD_OFFBOARD_H
#define DEVVM_CTL_CMD_OFFBOARD_H

#include "ctl/ctl.h"

struct offboard_query {
	const char *user;
	bool is_archive; /* do it, and not only say what it would do */
	bool is_sure;	 /* nobody is asked to type the name */
	FILE *in;	 /* where it is typed */
};

enum ctl_exit offboard_run(const struct ctl *ctl, const struct offboard_query *query);

#endif
