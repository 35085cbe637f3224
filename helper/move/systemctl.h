/* systemctl.h - one unit of one person, started or stopped to its end. */
#ifndef DEVVM_MOVE_SYSTEMCTL_H
#define DEVVM_MOVE_SYSTEMCTL_H

#include <stdint.h>

#include "base/error.h"

/* `verb` with PREFIX USER.service; the sentence of a failure says where to look. Blocks for `total_ms` at most. */
DV_MUST_CHECK int systemctl_run(const char *verb, const char *prefix, const char *user,
				int64_t total_ms, struct dv_error *err);

#endif
