/* config_tree.c - see config_tree.h. */
#include "config/config_tree.h"

#include <string.h>

#include "base/str.h"

#define PATH_MAX_BYTES 64 /* of a key's path: all of ours are shorter */

/* The next part of `path` below `section` ("" for the top), or NULL when the path is
 * not below it. */
static const char *below(const char *path, const char *section)
{
	size_t n = strlen(section);

	if (strncmp(path, section, n) != 0)
		return NULL;
	if (n == 0)
		return path;
	return path[n] == '.' ? path + n + 1 : NULL;
}

/* "a, b, c": the keys that may stand in a section. */
static int list_keys(const struct config_keys *keys, const char *section, char **ret_text)
{
	DV_AUTO_STR_LIST struct str_list names = { 0 };
	char *joined;

	for (size_t i = 0; i < keys->n_items; i++) {
		const char *rest = below(keys->items[i].path, section);
		DV_AUTO_FREE char *name =
			rest ? strndup(rest, (size_t)(strchrnul(rest, '.') - rest)) : NULL;

		if (!rest || (name && str_list_has(&names, name)))
			continue;
		if (!name || str_list_add(&names, name) < 0)
			return -ENOMEM;
	}
	joined = str_list_join(&names, ", ");
	if (!joined)
		return -ENOMEM;
	*ret_text = joined;
	return 0;
}

static int refuse_unknown(const struct config_place *place, const struct config_keys *keys,
			  const char *section)
{
	DV_AUTO_FREE char *known = NULL;

	if (list_keys(keys, section, &known) < 0)
		return config_refuse(place, -EINVAL, "unknown key");
	return config_refuse(place, -EINVAL, "unknown key; known here are %s", known);
}

static const struct config_key *find_key(const struct config_keys *keys, const char *path)
{
	for (size_t i = 0; i < keys->n_items; i++) {
		if (strcmp(keys->items[i].path, path) == 0)
			return &keys->items[i];
	}
	return NULL;
}

static bool is_section(const struct config_keys *keys, const char *path)
{
	for (size_t i = 0; i < keys->n_items; i++) {
		if (below(keys->items[i].path, path))
			return true;
	}
	return false;
}

/* What is read, and where it goes. */
struct walk {
	const struct config_keys *keys;
	char *target;
	const char *name;
	struct dv_error *err;
};

static int read_value(const struct walk *walk, const struct config_key *key,
		      const struct config_place *place)
{
	struct config_target target = {
		.field = walk->target + key->offset,
		.n_items = key->offset_n ? (size_t *)(walk->target + key->offset_n) : NULL,
		.limits = key->limits,
	};

	return key->read(place, &target);
}

static int read_section(const struct walk *walk, const struct yaml_node *map, const char *section);

/* Recursion ends with the paths of the table: what is not one is refused. */
static int read_node(const struct walk *walk, const struct yaml_node *node, const char *section)
{
	char path[PATH_MAX_BYTES];
	const struct config_place place = {
		.file = walk->name, .path = path, .node = node, .err = walk->err
	};
	/* "a.b" written as one word is not the key b of a. */
	bool is_word = !strchr(node->key, '.');
	const struct config_key *key;

	(void)snprintf(path, sizeof(path), "%s%s%s", section, *section ? "." : "",
		       node->key); /* a cut path is one that is unknown */
	key = is_word ? find_key(walk->keys, path) : NULL;
	if (key)
		return read_value(walk, key, &place);
	if (!is_word || !is_section(walk->keys, path))
		return refuse_unknown(&place, walk->keys, section);
	if (node->kind == YAML_MAP)
		return read_section(walk, node, path);
	/* A section whose keys are all commented out is none. */
	return node->is_null ? 0 : config_refuse(&place, -EINVAL, "must be a map of keys");
}

static int read_section(const struct walk *walk, const struct yaml_node *map, const char *section)
{
	for (size_t i = 0; i < map->n_children; i++) {
		int r = read_node(walk, &map->children[i], section);

		if (r < 0)
			return r;
	}
	return 0;
}

int config_tree_read(const struct config_keys *keys, void *target, const char *name,
		     const struct yaml_node *root, struct dv_error *err)
{
	const struct walk walk = { .keys = keys, .target = target, .name = name, .err = err };

	if (root->kind != YAML_MAP && !root->is_null)
		return dv_refuse(err, -EINVAL, "%s:%u: the file must be a map of keys", name,
				 root->line);
	return read_section(&walk, root, "");
}
