/* config_protect.h - `protect:`: trees that others must not enter. */
#ifndef DEVVM_CONFIG_CONFIG_PROTECT_H
#define DEVVM_CONFIG_CONFIG_PROTECT_H

#include "config/config.h"

config_value_reader config_read_protect; /* struct config_protect *, and its count */
void config_protect_done(struct config *config);
/* Each has a path, and no two the same. */
DV_MUST_CHECK int config_protect_check(const struct config *config, const char *name,
				       struct dv_error *err);

#endif
