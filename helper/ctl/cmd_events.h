/* cmd_events.h - `devvmctl events`. */
#ifndef DEVVM_CTL_CMD_EVENTS_H
#define DEVVM_CTL_CMD_EVENTS_H

#include "ctl/ctl.h"

#define EVENTS_SHOWN 50
#define EVENTS_MAX 2000 /* the helper gives no more */

struct events_query {
	const char *user; /* NULL: everybody */
	uint64_t limit;
	bool follow; /* go on with what happens from now on */
	bool as_json;
};

enum ctl_exit events_run(const struct ctl *ctl, const struct events_query *query);

#endif
