/* spare.h - which versions a machine can do without. Pure. */
#ifndef DEVVM_UPDATE_SPARE_H
#define DEVVM_UPDATE_SPARE_H

#include "base/cleanup.h"
#include "base/str.h"

/* Of `versions`, those that are neither in `needed` nor among the `n_newest` newest. What is no
 * version by version_is_valid() was put there by hand and is never spare. -ENOMEM. */
DV_MUST_CHECK int spare_list(const struct str_list *versions, const struct str_list *needed,
			     unsigned int n_newest, struct str_list *ret_spare);

#endif
