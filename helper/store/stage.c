/* stage.c - see stage.h. */
#include "store/stage.h"

#include <string.h>

static const char *t3_package(const struct config *config)
{
	return config->t3_package;
}

static const char *t3_want(const struct config *config)
{
	return config->t3_pin ? config->t3_pin : config->t3_track;
}

static const char *playwright_package(const struct config *config)
{
	return config->playwright_package;
}

static const char *playwright_version(const struct config *config)
{
	return config->playwright_version;
}

static const struct stage_item ITEMS[] = {
	{ "t3", NODE_FOR_T3, t3_package, t3_want },
	{ "playwright", NODE_FOR_PLAYWRIGHT, playwright_package, playwright_version },
};

const struct stage_item *stage_find_item(const char *name)
{
	for (size_t i = 0; i < DV_COUNT(ITEMS); i++) {
		if (str_equal(name, ITEMS[i].name))
			return &ITEMS[i];
	}
	return NULL;
}

bool stage_is_want(const char *text)
{
	return store_is_version(text) && !strchr(text, '+');
}

bool stage_is_tag(const char *want)
{
	return want[0] < '0' || want[0] > '9';
}

int stage_parse(const char *instance, struct stage_name *ret_name, struct dv_error *err)
{
	const char *dash = strchr(instance, '-');
	DV_AUTO_FREE char *item = dash ? strndup(instance, (size_t)(dash - instance)) : NULL;
	struct stage_name name = { .item = item ? stage_find_item(item) : NULL };
	char shown[STR_SHOW_BYTES];

	if (!name.item)
		return dv_refuse(err, -EINVAL, "%s does not begin with t3- or playwright-",
				 str_show(instance, shown));
	if (!stage_is_want(dash + 1))
		return dv_refuse(err, -EINVAL, "%s names no version", str_show(instance, shown));
	(void)snprintf(name.want, sizeof(name.want), "%s", dash + 1);
	*ret_name = name;
	return 0;
}
