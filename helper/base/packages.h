/* packages.h - which Debian packages are installed, asked of dpkg-query(1). */
#ifndef DEVVM_BASE_PACKAGES_H
#define DEVVM_BASE_PACKAGES_H

#include "base/str.h"

/* From what `dpkg-query -W -f '${db:Status-Status} ${Package}\n' NAMES…` prints: those of `wanted` that are
 * not installed, in their order. -ENOMEM. */
DV_MUST_CHECK int packages_find_missing(const struct str_list *wanted, const char *output,
					struct str_list *ret_missing);
/* The arguments of that call, for `wanted`; release with free(), the strings are borrowed. NULL when
 * memory is short. */
const char **packages_query(const struct str_list *wanted);

#endif
