/* snapshot.h - a person's browser state, fetched; see snapshot.c. */
#ifndef DEVVM_AGENT_SNAPSHOT_H
#define DEVVM_AGENT_SNAPSHOT_H

#include "agent/agents.h"
#include "base/secret.h"

#define SNAPSHOT_FOLDER ".config/playwright"
#define SNAPSHOT_FILE SNAPSHOT_FOLDER "/storage-state.json"
#define SNAPSHOT_TOKEN SNAPSHOT_FOLDER "/token"
#define SNAPSHOT_MAX_BYTES (16U << 20)

/* Whether these bytes are what playwright calls a storage state. */
DV_MUST_CHECK int snapshot_check(const char *data, size_t n_bytes, struct dv_error *err);

/* The token of a home. -ENOENT when there is none. */
DV_MUST_CHECK int snapshot_read_token(int home_fd, struct secret *ret_token, struct dv_error *err);

/* Fetch it from `url` and put it in place; blocks until `deadline_ms` at most. The one that
 * is there stays on any failure. */
DV_MUST_CHECK int snapshot_refresh(int home_fd, const char *url, int64_t deadline_ms,
				   struct dv_error *err);

#endif
