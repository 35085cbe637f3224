/* config_update.c - which registry npm is given, and how long after its time the nightly run begins.
 *
 * A registry's credentials have no place in devvm.yaml, which everybody may read, and none in the
 * environment of npm, which each install script sees: what could be one is refused, and its value
 * is not repeated.
 */
#include "config/config_update.h"

#include <string.h>

#include "base/str.h"

#define DAY_MINUTES 1440U

static const char *host_of(const char *url)
{
	static const char *const beginnings[] = { "https://", "http://" };

	for (size_t i = 0; i < DV_COUNT(beginnings); i++) {
		if (str_starts_with(url, beginnings[i]))
			return url + strlen(beginnings[i]);
	}
	return NULL;
}

int config_read_registry(const struct config_place *place, const struct config_target *target)
{
	const struct yaml_node *node = place->node;
	const char *host =
		node->kind == YAML_SCALAR && !node->is_null ? host_of(node->scalar) : NULL;

	if (node->is_null)
		return config_read_web(place, target);
	if (!host || !*host || *host == '/' || *host == ':')
		return config_refuse(place, -EINVAL,
				     "must begin with https:// or http:// and a host");
	if (memchr(host, '@', strcspn(host, "/")) || strpbrk(host, "?#"))
		return config_refuse(place, -EINVAL,
				     "must hold no user, password or token, for everybody may read "
				     "this file: give npm the credentials in its own npmrc");
	return config_read_web(place, target);
}

int config_read_jitter(const struct config_place *place, const struct config_target *target)
{
	const struct config_target bounded = { .field = target->field,
					       .limits = { 0, DAY_MINUTES - 1 } };

	if (!place->node->is_null)
		return config_read_uint(place, &bounded);
	*(unsigned int *)target->field = CONFIG_JITTER_WINDOW;
	return 0;
}

int config_update_check(const struct config *config, const char *name, struct dv_error *err)
{
	const struct config_window *window = &config->update_window;
	unsigned int n_minutes = (window->last + DAY_MINUTES - window->first) % DAY_MINUTES;

	if (config->update_jitter == CONFIG_JITTER_WINDOW || config->update_jitter <= n_minutes)
		return 0;
	return dv_refuse(err, -EINVAL,
			 "%s: update.jitter is %u minutes, and update.window has %u: a run could "
			 "begin outside it; make one longer or the other shorter",
			 name, config->update_jitter, n_minutes);
}
