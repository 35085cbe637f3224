/* order.c - see order.h. */
#include "update/order.h"

#include <string.h>

#include "update/version.h"

/* None is the beginning of another. */
static const struct {
	const char *word;
	struct order order;
} WORDS[] = {
	{ "run", { 0 } },
	{ "dry", { .dry_run = true } },
	{ "stage", { .stage_only = true } },
};

bool order_is_version(const char *text)
{
	return stage_is_want(text) && version_is_valid(text);
}

int order_parse(const char *instance, struct order *ret_order, struct dv_error *err)
{
	char shown[STR_SHOW_BYTES];
	struct order order;
	const char *rest;
	size_t i = 0;

	while (i < DV_COUNT(WORDS) && !str_starts_with(instance, WORDS[i].word))
		i++;
	if (i == DV_COUNT(WORDS))
		return dv_refuse(err, -EINVAL, "%s does not begin with run, dry or stage",
				 str_show(instance, shown));
	order = WORDS[i].order;
	rest = instance + strlen(WORDS[i].word);
	if (*rest != '\0' && (*rest != '-' || !order_is_version(rest + 1)))
		return dv_refuse(err, -EINVAL, "%s names no version", str_show(instance, shown));
	if (*rest == '-')
		(void)snprintf(order.to, sizeof(order.to), "%s", rest + 1);
	*ret_order = order;
	return 0;
}

void order_name(const struct order *order, char ret_instance[static ORDER_BYTES])
{
	size_t i = 0;

	while (WORDS[i].order.dry_run != order->dry_run ||
	       WORDS[i].order.stage_only != order->stage_only)
		i++;
	(void)snprintf(ret_instance, ORDER_BYTES, "%s%s%s", WORDS[i].word, *order->to ? "-" : "",
		       order->to);
}
