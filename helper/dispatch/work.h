/* work.h - what blocks, in a few threads beside the loop.
 *
 * A work is run on a thread and then ended on the loop, both by functions of whoever submitted it. Each
 * lane has threads of its own, so that the short ones (the status page) do not wait behind the long (a visit).
 */
#ifndef DEVVM_DISPATCH_WORK_H
#define DEVVM_DISPATCH_WORK_H

#include <systemd/sd-event.h>

#include "base/error.h"

enum work_lane {
	WORK_STATUS,
	WORK_PAIR, /* the helper has a cap of its own on what a pairing costs */
	WORK_VISIT,
	WORK_N_LANES,
};

struct work {
	void (*run)(struct work *work); /* on a thread: touches nothing but `work` */
	void (*end)(struct work *work); /* on the loop: releases it */
	struct work *next;
};

struct work_pool;

DV_MUST_CHECK int work_pool_new(struct work_pool **ret_pool, sd_event *event, struct dv_error *err);
/* -EBUSY when too much waits in the lane: `work` stays the caller's then. */
DV_MUST_CHECK int work_submit(struct work_pool *pool, enum work_lane lane, struct work *work);

#endif
