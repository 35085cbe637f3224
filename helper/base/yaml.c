/* yaml.c - the tree: reading it and releasing it. yaml_parse.c makes it. */
#include "base/yaml.h"

#include <string.h>

#include "base/str.h"

static void release_children(struct yaml_node *node)
{
	for (size_t i = 0; i < node->n_children; i++) {
		release_children(&node->children[i]);
		free((char *)node->children[i].key);
	}
	free(node->children);
	free((char *)node->scalar);
}

void yaml_node_free(struct yaml_node *root)
{
	if (!root)
		return;
	release_children(root);
	free(root);
}

void yaml_node_freep(struct yaml_node **root)
{
	yaml_node_free(*root);
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
	for (size_t i = 0; map->kind == YAML_MAP && i < map->n_children; i++) {
		if (strcmp(map->children[i].key, key) == 0)
			return &map->children[i];
	}
	return NULL;
}

int yaml_to_bool(const struct yaml_node *node, bool *ret_value)
{
	if (node->kind != YAML_SCALAR || !node->is_plain)
		return -EINVAL;
	if (strcmp(node->scalar, "true") != 0 && strcmp(node->scalar, "false") != 0)
		return -EINVAL;
	*ret_value = node->scalar[0] == 't';
	return 0;
}

int yaml_to_uint(const struct yaml_node *node, uint64_t max, uint64_t *ret_value)
{
	if (node->kind != YAML_SCALAR || !node->is_plain)
		return -EINVAL;
	return str_to_uint(node->scalar, max, ret_value);
}
