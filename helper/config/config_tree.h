/* config_tree.h - a file of sections, sections in them, and keys, held against a table of its keys.
 *
 * The table alone says what there is: a section is what some key's path goes through. Whatever the file has
 * beyond it is refused with what may stand there; what it does not have stays as it was.
 */
#ifndef DEVVM_CONFIG_CONFIG_TREE_H
#define DEVVM_CONFIG_CONFIG_TREE_H

#include <stddef.h>

#include "config/config_values.h"

struct config_key {
	const char *path; /* "section.key", of less than 64 bytes */
	config_value_reader *read;
	struct config_limits limits;
	size_t offset;	 /* of the field in the target */
	size_t offset_n; /* lists only: of the count */
};

struct config_keys {
	const struct config_key *items;
	size_t n_items;
};

/* Read what stands in the file `name` into `target`, which has the defaults. -EINVAL, -ENOMEM with the sentence;
 * what came before in the file has been read then. */
DV_MUST_CHECK int config_tree_read(const struct config_keys *keys, void *target, const char *name,
				   const struct yaml_node *root, struct dv_error *err);

#endif
