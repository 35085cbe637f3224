/* order.h - what a run of the updater was asked for, as the name of a unit's instance.
 *
 * devvm-update@run.service takes what t3.track or t3.pin says, @run-V the version V; @dry and
 * @dry-V change nothing, @stage and @stage-V bring a version to the machine and give it to nobody. devvm-update.service, which the timer starts, is given none. Pure.
 */
#ifndef DEVVM_UPDATE_ORDER_H
#define DEVVM_UPDATE_ORDER_H

#include "store/stage.h"

#define ORDER_BYTES (STORE_VERSION_BYTES + 8)

struct order {
	bool dry_run, stage_only;     /* at most one of them */
	char to[STORE_VERSION_BYTES]; /* "": what is followed */
};

/* -EINVAL with a sentence. */
DV_MUST_CHECK int order_parse(const char *instance, struct order *ret_order, struct dv_error *err);
/* `order->to` is "" or a version that passed order_parse() or order_is_version(). */
void order_name(const struct order *order, char ret_instance[static ORDER_BYTES]);
/* A version, no tag, that may stand in the name of a unit. */
bool order_is_version(const char *text);

#endif
