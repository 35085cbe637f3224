/* yaml.h - a YAML file as a tree of nodes that know their line.
 *
 * libyaml parses; this builds the tree and refuses what a configuration file has no
 * use for and an attacker has: anchors, aliases, tags, more than one document, a key
 * twice, deep nesting, too many nodes, bytes that are not UTF-8 or that hide what a line
 * does (yaml_text.h). So the tree is bounded by the text it came from.
 */
#ifndef DEVVM_BASE_YAML_H
#define DEVVM_BASE_YAML_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define YAML_MAX_BYTES (4 * 1024 * 1024)
#define YAML_MAX_DEPTH 8

enum yaml_kind {
	YAML_SCALAR = 1,
	YAML_LIST,
	YAML_MAP,
};

/* A node. Lists and maps hold their children in order; a map's child carries its
 * key. Owned by the document. */
struct yaml_node {
	enum yaml_kind kind;
	unsigned int line;  /* 1-based: of the key for a map's child, else of the value */
	const char *key;    /* of a map's child; else NULL */
	const char *scalar; /* of a scalar; "" for an empty or ~ one */
	bool is_null;	    /* a plain empty, ~ or null scalar */
	bool is_plain;	    /* a scalar without quotes: `true`, `1000` mean what they look like */
	struct yaml_node *children;
	size_t n_children;
};

/* Parse `text`. `name` is what errors call the file: "name:line: what". The tree is
 * released with yaml_node_free(). An empty document is a null scalar. */
DV_MUST_CHECK int yaml_parse(const char *name, const char *text, size_t n_bytes,
			     struct yaml_node **ret_root, struct dv_error *err);
void yaml_node_free(struct yaml_node *root);
void yaml_node_freep(struct yaml_node **root);

/* The child of a map with this key; NULL when there is none. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

/* Plain `true` or `false`; anything else is -EINVAL. No err: the caller knows the field. */
DV_MUST_CHECK int yaml_to_bool(const struct yaml_node *node, bool *ret_value);
/* A plain whole number of digits, at most `max`. */
DV_MUST_CHECK int yaml_to_uint(const struct yaml_node *node, uint64_t max, uint64_t *ret_value);

#define DV_AUTO_YAML DV_CLEANUP(yaml_node_freep)

#endif
