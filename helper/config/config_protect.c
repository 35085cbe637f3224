/* config_protect.c - see config_protect.h. */
#include "config/config_protect.h"

#include <string.h>

#define MAX_TREES 64

static int row_init(void *row)
{
	struct config_protect *tree = row;

	tree->owner = strdup("root");
	tree->group = strdup("root");
	return tree->owner && tree->group ? 0 : -ENOMEM;
}

static void row_done(void *row)
{
	struct config_protect *tree = row;

	free(tree->path);
	free(tree->owner);
	free(tree->group);
}

/* A tree may be in a home: it is closed as its owner. */
static int read_tree(const struct config_place *place, const struct config_target *target)
{
	static const char *const closed[] = { "/proc/", "/sys/", "/dev/", "/run/" };
	char **field = target->field;
	bool is_good;
	int r = config_read_path(place, target);

	if (r < 0)
		return r;
	is_good = config_is_plain_path(*field) && strchr(*field + 1, '/');
	for (size_t i = 0; i < DV_COUNT(closed); i++)
		is_good = is_good && !str_starts_with(*field, closed[i]);
	return is_good ? 0
		       : config_refuse(place, -EINVAL,
				       "must be a plain path below a folder of /, and not in "
				       "/proc, /sys, /dev or /run");
}

#define AT(member) offsetof(struct config_protect, member)

static const struct config_row_field FIELDS[] = {
	{ "path", read_tree, { 0 }, AT(path), 0 },
	{ "owner", config_read_token, { 0 }, AT(owner), 0 },
	{ "group", config_read_token, { 0 }, AT(group), 0 },
};

static const struct config_row_kind KIND = {
	.section = "protect",
	.n_bytes = sizeof(struct config_protect),
	.max_rows = MAX_TREES,
	.fields = FIELDS,
	.n_fields = DV_COUNT(FIELDS),
	.init = row_init,
	.done = row_done,
};

int config_read_protect(const struct config_place *place, const struct config_target *target)
{
	struct config_protect **trees = target->field;
	void *rows = *trees;
	int r = config_rows_read(place, &KIND, &rows, target->n_items);

	*trees = rows;
	return r;
}

void config_protect_done(struct config *config)
{
	void *rows = config->protect;

	config_rows_done(&KIND, &rows, &config->n_protect);
	config->protect = NULL;
}

int config_protect_check(const struct config *config, const char *name, struct dv_error *err)
{
	for (size_t i = 0; i < config->n_protect; i++) {
		const struct config_protect *tree = &config->protect[i];

		if (!tree->path)
			return dv_refuse(err, -EINVAL,
					 "%s:%u: protect.%s: set path, the tree to keep closed",
					 name, tree->head.line, tree->head.name);
		for (size_t k = 0; k < i; k++) {
			if (strcmp(tree->path, config->protect[k].path) == 0)
				return dv_refuse(err, -EINVAL,
						 "%s: protect.%s and protect.%s have one path, %s",
						 name, config->protect[k].head.name,
						 tree->head.name, tree->path);
		}
	}
	return 0;
}
