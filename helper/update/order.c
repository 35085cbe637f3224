/* order.c - see order.h. */
#include "update/order.h"

#include <string.h>

#include "update/version.h"

#define RUN "run"
#define DRY "dry"

bool order_is_version(const char *text)
{
	return stage_is_want(text) && version_is_valid(text);
}

int order_parse(const char *instance, struct order *ret_order, struct dv_error *err)
{
	struct order order = { .dry_run = str_starts_with(instance, DRY) };
	const char *rest;
	char shown[STR_SHOW_BYTES];

	if (!order.dry_run && !str_starts_with(instance, RUN))
		return dv_refuse(err, -EINVAL, "%s does not begin with run or dry",
				 str_show(instance, shown));
	rest = instance + strlen(RUN);
	if (*rest == '\0') {
		*ret_order = order;
		return 0;
	}
	if (*rest != '-' || !order_is_version(rest + 1))
		return dv_refuse(err, -EINVAL, "%s names no version", str_show(instance, shown));
	(void)snprintf(order.to, sizeof(order.to), "%s", rest + 1);
	*ret_order = order;
	return 0;
}

void order_name(const struct order *order, char ret_instance[static ORDER_BYTES])
{
	(void)snprintf(ret_instance, ORDER_BYTES, "%s%s%s", order->dry_run ? DRY : RUN,
		       *order->to ? "-" : "", order->to);
}
