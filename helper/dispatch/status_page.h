/* status_page.h - the status page of the machine, for its administrators. Read-only, and pure.
 *
 * A whole page without scripts; with them it follows what happens, and what its reader has opened stays
 * open. It shows what `devvmctl status` shows; beside it is the same as JSON.
 */
#ifndef DEVVM_DISPATCH_STATUS_PAGE_H
#define DEVVM_DISPATCH_STATUS_PAGE_H

#include <stdint.h>

#include "wire/status.h"

/* A CGI answer, newly allocated; NULL: memory is short. */
char *status_page(const struct status *status, int64_t now_usec, size_t *ret_n_bytes);
char *status_page_json(const struct status *status, size_t *ret_n_bytes);

#endif
