/* tiers.c - see tiers.h. */
#include "roster/tiers.h"

#include <string.h>

#define MAX_GROUPS 4 /* of a tier, with the NULL that ends them */

struct tier_row {
	const char *name;
	const char *groups[MAX_GROUPS];
};

/* clang-format off */
static const struct tier_row TIERS[TIER_N] = {
	[TIER_UNSET] = { "unset", { NULL } },
	[TIER_ADMIN] = { "admin", { "code-shared", "docker", "sudo" } },
	[TIER_POWER_USER] = { "power-user", { NULL } },
	[TIER_NAMESPACE_OWNER] = { "namespace-owner", { NULL } },
};
/* clang-format on */

const char *tier_name(enum tier tier)
{
	return TIERS[tier].name;
}

enum tier tier_from_name(const char *name)
{
	for (enum tier tier = TIER_UNSET + 1; tier < TIER_N; tier++) {
		if (strcmp(TIERS[tier].name, name) == 0)
			return tier;
	}
	return TIER_UNSET;
}

const char *const *tier_groups(enum tier tier)
{
	return TIERS[tier].groups;
}
