/* config_rows.c - see config_rows.h. */
#include "config/config_rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define PATH_BYTES 128 /* "section.name.key" */
#define PLAIN_PATH_MAX 200

static void row_done(const struct config_row_kind *kind, struct config_row *row)
{
	kind->done(row);
	free(row->name);
}

static struct config_row *row_at(const struct config_row_kind *kind, void *rows, size_t at)
{
	return (struct config_row *)((char *)rows + at * kind->n_bytes);
}

void *config_rows_add(const struct config_row_kind *kind, void **rows, size_t *n_rows,
		      const char *name)
{
	void *grown = reallocarray(*rows, *n_rows + 1, kind->n_bytes);
	struct config_row *row;

	if (!grown)
		return NULL;
	*rows = grown;
	row = row_at(kind, grown, *n_rows);
	memset(row, 0, kind->n_bytes);
	row->name = strdup(name);
	if (!row->name || kind->init(row) < 0) {
		row_done(kind, row);
		return NULL;
	}
	(*n_rows)++;
	return row;
}

void config_rows_done(const struct config_row_kind *kind, void **rows, size_t *n_rows)
{
	for (size_t i = 0; i < *n_rows; i++)
		row_done(kind, row_at(kind, *rows, i));
	free(*rows);
	*rows = NULL;
	*n_rows = 0;
}

/* ---- reading -------------------------------------------------------------------------- */

static const struct config_row_field *find_field(const struct config_row_kind *kind,
						 const char *key)
{
	for (size_t i = 0; i < kind->n_fields; i++) {
		if (strcmp(kind->fields[i].key, key) == 0)
			return &kind->fields[i];
	}
	return NULL;
}

static int refuse_key(const struct config_place *place, const struct config_row_kind *kind)
{
	DV_AUTO_STR_LIST struct str_list known = { 0 };
	DV_AUTO_FREE char *joined = NULL;
	char shown[STR_SHOW_BYTES];
	int r = 0;

	for (size_t i = 0; r == 0 && i < kind->n_fields; i++)
		r = str_list_add(&known, kind->fields[i].key);
	joined = r == 0 ? str_list_join(&known, ", ") : NULL;
	return config_refuse(place, -EINVAL, "unknown key %s; known here are %s",
			     str_show(place->node->key, shown), joined ? joined : "others");
}

static int read_row(const struct config_place *place, const struct config_row_kind *kind,
		    struct config_row *row)
{
	if (place->node->kind != YAML_MAP && !place->node->is_null)
		return config_refuse(place, -EINVAL, "must be a map of keys");
	for (size_t i = 0; i < place->node->n_children; i++) {
		const struct yaml_node *node = &place->node->children[i];
		const struct config_row_field *field = find_field(kind, node->key);
		struct config_place at = *place;
		struct config_target target;
		char path[PATH_BYTES];
		int r;

		at.node = node;
		if (!field)
			return refuse_key(&at, kind);
		(void)snprintf(path, sizeof(path), "%s.%s", place->path, field->key);
		at.path = path;
		target = (struct config_target){
			.field = (char *)row + field->offset,
			.n_items = field->offset_n
					   ? (size_t *)(void *)((char *)row + field->offset_n)
					   : NULL,
			.limits = field->limits,
		};
		r = field->read(&at, &target);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool is_name(const char *text)
{
	return *text >= 'a' && *text <= 'z' && strlen(text) <= CONFIG_ROW_NAME_MAX &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(text);
}

static struct config_row *find_row(const struct config_row_kind *kind, void *rows, size_t n_rows,
				   const char *name)
{
	for (size_t i = 0; i < n_rows; i++) {
		if (strcmp(row_at(kind, rows, i)->name, name) == 0)
			return row_at(kind, rows, i);
	}
	return NULL;
}

int config_rows_read(const struct config_place *place, const struct config_row_kind *kind,
		     void **rows, size_t *n_rows)
{
	const struct yaml_node *map = place->node;

	if (map->kind != YAML_MAP)
		return map->is_null ? 0 : config_refuse(place, -EINVAL, "must be a map of names");
	if (map->n_children > kind->max_rows)
		return config_refuse(place, -EINVAL, "has more than %zu names", kind->max_rows);
	for (size_t i = 0; i < map->n_children; i++) {
		const struct yaml_node *node = &map->children[i];
		char path[PATH_BYTES];
		const struct config_place at = {
			.file = place->file, .path = path, .node = node, .err = place->err
		};
		struct config_row *row;
		int r;

		(void)snprintf(path, sizeof(path), "%s", kind->section);
		if (!is_name(node->key))
			return config_refuse(
				&at, -EINVAL,
				"a name has a-z, 0-9 and -, a letter first, %d at most",
				CONFIG_ROW_NAME_MAX);
		(void)snprintf(path, sizeof(path), "%s.%s", kind->section, node->key);
		row = find_row(kind, *rows, *n_rows, node->key);
		if (!row)
			row = config_rows_add(kind, rows, n_rows, node->key);
		if (!row)
			return config_refuse(&at, -ENOMEM, "out of memory");
		row->line = node->line;
		r = read_row(&at, kind, row);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- fields --------------------------------------------------------------------------- */

int config_read_token(const struct config_place *place, const struct config_target *target)
{
	static const char good[] = "0123456789abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ/._@+-";
	const struct yaml_node *node = place->node;
	char **field = target->field;
	char *copy;

	if (node->kind != YAML_SCALAR || node->is_null || !*node->scalar ||
	    node->scalar[strspn(node->scalar, good)] || strstr(node->scalar, "..") ||
	    strlen(node->scalar) > PLAIN_PATH_MAX)
		return config_refuse(
			place, -EINVAL,
			"must be a word of letters, digits and / . _ @ + -, without ..");
	copy = strdup(node->scalar);
	if (!copy)
		return config_refuse(place, -ENOMEM, "out of memory");
	free(*field);
	*field = copy;
	return 0;
}

bool config_is_plain_path(const char *path)
{
	size_t n = strlen(path);

	return path[0] == '/' && n > 1 && n < PLAIN_PATH_MAX && path[n - 1] != '/' &&
	       !strstr(path, "//") && !strstr(path, "/./") && !strstr(path, "/../") &&
	       strcmp(strrchr(path, '/'), "/..") != 0 && strcmp(strrchr(path, '/'), "/.") != 0;
}

bool config_is_place(const char *path)
{
	static const char *const closed[] = { "/home/", "/root/", "/proc/", "/sys/", "/dev/" };

	for (size_t i = 0; i < DV_COUNT(closed); i++) {
		if (str_starts_with(path, closed[i]))
			return false;
	}
	return config_is_plain_path(path);
}

int config_read_place(const struct config_place *place, const struct config_target *target)
{
	char **field = target->field;
	int r = config_read_path(place, target);

	if (r == 0 && !config_is_place(*field))
		r = config_refuse(
			place, -EINVAL,
			"must be a plain path, and not inside homes, /proc, /sys or /dev");
	return r;
}
