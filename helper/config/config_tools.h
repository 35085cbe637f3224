/* config_tools.h - `tools:` and `packages:`: pinned programs, and what apt must have. */
#ifndef DEVVM_CONFIG_CONFIG_TOOLS_H
#define DEVVM_CONFIG_CONFIG_TOOLS_H

#include "config/config.h"

config_value_reader config_read_tools;	  /* struct config_tool *, and its count */
config_value_reader config_read_packages; /* struct str_list: names of Debian packages */
void config_tools_done(struct config *config);
/* Each is whole, and no two have one link. */
DV_MUST_CHECK int config_tools_check(struct config *config, const char *name, struct dv_error *err);

#endif
