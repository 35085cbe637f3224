/* instance_units.c - see instance_units.h. */
#include "steps/instance_units.h"

#include <fcntl.h>
#include <string.h>

#include "steps/paths.h"
#include "steps/view.h"

static enum instance_want always_up(const struct config *config DV_UNUSED)
{
	return INSTANCE_UP;
}

static enum instance_want when_used(const struct config *config DV_UNUSED)
{
	return INSTANCE_EITHER;
}

/* Without an address there is nothing to fetch. */
static enum instance_want when_fetched(const struct config *config)
{
	return config->playwright_snapshot_url ? INSTANCE_UP : INSTANCE_DOWN;
}

static enum instance_want as_start_says(const struct config *config)
{
	return config->instances_start == CONFIG_START_ALWAYS ? INSTANCE_UP : INSTANCE_EITHER;
}

/* clang-format off */
const struct instance_unit INSTANCE_UNITS[] = {
	{ "playwright-mcp@",              ".socket",  "sockets.target.wants",    always_up },
	{ "playwright-snapshot-refresh@", ".timer",   "timers.target.wants",     when_fetched },
	{ "ttyd@",                        ".socket",  NULL,                      when_used },
	{ "t3-serve@",                    ".service", "multi-user.target.wants", as_start_says },
	{ "playwright-mcp@",              ".service", NULL,                      when_used },
	{ "playwright-snapshot-refresh@", ".service", NULL,                      when_used },
	{ "ttyd@",                        ".service", NULL,                      when_used },
	{ 0 },
};
/* clang-format on */

void instance_unit_name(const struct instance_unit *unit, const char *user,
			char ret_name[static INSTANCE_UNIT_BYTES])
{
	(void)snprintf(ret_name, INSTANCE_UNIT_BYTES, "%s%s%s", unit->prefix, user, unit->suffix);
}

const struct instance_unit *instance_parse(const char *name,
					   char ret_user[static STR_USER_NAME_MAX + 1])
{
	size_t n = strlen(name);

	for (const struct instance_unit *unit = INSTANCE_UNITS; unit->prefix; unit++) {
		size_t n_prefix = strlen(unit->prefix);
		size_t n_suffix = strlen(unit->suffix);

		if (n <= n_prefix + n_suffix || n - n_prefix - n_suffix > STR_USER_NAME_MAX ||
		    !str_starts_with(name, unit->prefix) ||
		    strcmp(name + n - n_suffix, unit->suffix) != 0)
			continue;
		(void)snprintf(ret_user, STR_USER_NAME_MAX + 1, "%.*s",
			       (int)(n - n_prefix - n_suffix), name + n_prefix);
		return unit;
	}
	return NULL;
}

enum instance_want instance_want(const struct instance_unit *unit, const struct people_row *person,
				 const struct config *config)
{
	return person->state != PEOPLE_PRESENT || person->parked ? INSTANCE_DOWN
								 : unit->want(config);
}

const char *instance_template(struct reconcile_view *view, const struct instance_unit *unit)
{
	size_t at = (size_t)(unit - INSTANCE_UNITS);
	char *place = view->templates[at];

	if (view->templates_known & (1U << at))
		return place;
	view->templates_known |= 1U << at;
	(void)snprintf(place, sizeof(view->templates[0]), "/%s/%s%s", STEPS_VENDOR_UNITS_FOLDER,
		       unit->prefix, unit->suffix);
	if (faccessat(view->env->root_dirfd, place + 1, F_OK, 0) < 0)
		*place = '\0';
	return place;
}
