/* tiers.h - what a tier is: its name in files, and the groups it brings. */
#ifndef DEVVM_ROSTER_TIERS_H
#define DEVVM_ROSTER_TIERS_H

#include "base/cleanup.h"

enum tier {
	TIER_UNSET,
	TIER_ADMIN,
	TIER_POWER_USER,
	TIER_NAMESPACE_OWNER,
	TIER_N,
};

/* "admin", "power-user", "namespace-owner". */
const char *tier_name(enum tier tier);
/* TIER_UNSET for an unknown name. */
enum tier tier_from_name(const char *name);
/* NULL-terminated, static; empty for tiers that bring none. */
const char *const *tier_groups(enum tier tier);

#endif
