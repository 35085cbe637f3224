/* node.h - which node runs a program of the store.
 *
 * `node.path` of devvm.yaml, and nothing else where it is set; otherwise the first of a few
 * known places that runs and is new enough. What node it is is judged by what it prints.
 */
#ifndef DEVVM_STORE_NODE_H
#define DEVVM_STORE_NODE_H

#include <stdbool.h>

#include "config/config.h"

enum node_purpose {
	NODE_FOR_T3,
	NODE_FOR_PLAYWRIGHT,
	NODE_N_PURPOSES,
};

struct node_version {
	unsigned int major, minor, patch;
};

struct node_found {
	char *path; /* absolute, owned */
	struct node_version version;
};

/* Run the candidates in their order (each has five seconds). -ENOENT with one sentence that
 * says what was found instead and what to do. */
DV_MUST_CHECK int store_find_node(const struct config *config, enum node_purpose purpose,
				  struct node_found *ret_found, struct dv_error *err);
/* The same among `paths` (NULL-terminated). */
DV_MUST_CHECK int store_find_node_among(const char *const *paths, enum node_purpose purpose,
					struct node_found *ret_found, struct dv_error *err);
void node_found_done(struct node_found *found);

/* "v22.16.0\n", what `node --version` prints. -EINVAL for anything else. */
DV_MUST_CHECK int node_version_parse(const char *text, struct node_version *ret_version);
bool node_is_enough(const struct node_version *version, enum node_purpose purpose);

#define DV_AUTO_NODE DV_CLEANUP(node_found_done)

#endif
