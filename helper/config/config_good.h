/* config_good.h - what is done when the devvm.yaml that was just written is not good.
 *
 * What people need at their login goes on with the last good one, of which the reconcile keeps a copy that outlives a
 * reboot. What changes the machine or a version waits until the file is good: it calls config_load().
 */
#ifndef DEVVM_CONFIG_CONFIG_GOOD_H
#define DEVVM_CONFIG_CONFIG_GOOD_H

#include "config/config.h"

#define CONFIG_GOOD_PATH "var/lib/devvm/devvm.yaml.good" /* below the root of struct env */

/* Keep what CONFIG_PATH says now, where it is good, as the last good one; without a file that is an empty one. A copy that
 * is right is not touched. For the reconcile, as root. */
DV_MUST_CHECK int config_good_keep(const struct env *env, struct dv_error *err);
/* config_load(), or the last good one with one sentence in `ret_why` ("" where the file is good). Fails as config_load()
 * does where there is no good copy. */
DV_MUST_CHECK int config_load_or_good(struct config *config, const struct env *env,
				      struct dv_error *ret_why, struct dv_error *err);
/* The same; where there is no good copy, or it cannot be read, the defaults, which `ret_why` says too. For what must
 * start. `config` is empty. */
DV_MUST_CHECK int config_load_or_defaults(struct config *config, const struct env *env,
					  struct dv_error *ret_why, struct dv_error *err);

#endif
