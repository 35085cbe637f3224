/* config_update.h - `update.registry` and `update.jitter`. */
#ifndef DEVVM_CONFIG_CONFIG_UPDATE_H
#define DEVVM_CONFIG_CONFIG_UPDATE_H

#include "config/config.h"
#include "config/config_values.h"

config_value_reader config_read_registry; /* char *: http(s)://HOST…, no credentials; or null */
config_value_reader config_read_jitter;	  /* unsigned int: minutes; null: CONFIG_JITTER_WINDOW */
/* The delay ends within the window. */
DV_MUST_CHECK int config_update_check(const struct config *config, const char *name,
				      struct dv_error *err);

#endif
