/* config_tools.c - see config_tools.h. */
#include "config/config_tools.h"

#include <string.h>

#define MAX_TOOLS 64
#define MAX_LINKS 32
#define MAX_PACKAGES 256
#define PACKAGE_MAX_BYTES 100

static int row_init(void *row DV_UNUSED)
{
	return 0;
}

static void row_done(void *row)
{
	struct config_tool *tool = row;

	free(tool->version);
	free(tool->url);
	free(tool->sha256);
	free(tool->member);
	str_list_done(&tool->links);
}

static bool is_inner_path(const char *path)
{
	return *path && *path != '/' && path[strlen(path) - 1] != '/' && !strstr(path, "//") &&
	       !strstr(path, "..") && strlen(path) < 200;
}

static int read_member(const struct config_place *place, const struct config_target *target)
{
	char **field = target->field;
	int r = config_read_token(place, target);

	if (r == 0 && (!is_inner_path(*field) || **field == '-'))
		r = config_refuse(place, -EINVAL,
				  "must be a path inside the archive, like bin/tool");
	return r;
}

/* "PATH" or "PATH=INNER": a link where people find it, and what of the tool it points to. */
static bool is_link(const char *text)
{
	static const char *const places[] = { "/usr/local/", "/opt/" };
	const char *inner = strchr(text, '=');
	DV_AUTO_FREE char *path = strndup(text, inner ? (size_t)(inner - text) : strlen(text));
	bool is_good = path && config_is_plain_path(path) && !str_has_control(text) &&
		       (!inner || is_inner_path(inner + 1));

	return is_good && (str_starts_with(path, places[0]) || str_starts_with(path, places[1]));
}

static int read_links(const struct config_place *place, const struct config_target *target)
{
	struct str_list *links = target->field;
	const struct yaml_node *list = place->node;

	if (list->kind != YAML_LIST || list->n_children > MAX_LINKS)
		return config_refuse(place, -EINVAL, "must be a list of %d links at most",
				     MAX_LINKS);
	str_list_done(links);
	*links = (struct str_list){ 0 };
	for (size_t i = 0; i < list->n_children; i++) {
		const struct yaml_node *node = &list->children[i];

		if (node->kind != YAML_SCALAR || !is_link(node->scalar))
			return config_refuse(place, -EINVAL,
					     "must hold paths below /usr/local or /opt, each with "
					     "=PATH behind it where it is not the usual program");
		if (str_list_add(links, node->scalar) < 0)
			return config_refuse(place, -ENOMEM, "out of memory");
	}
	return 0;
}

#define AT(field) offsetof(struct config_tool, field)

static const struct config_row_field FIELDS[] = {
	{ "version", config_read_version, { 0 }, AT(version), 0 },
	{ "url", config_read_url, { 0 }, AT(url), 0 },
	{ "sha256", config_read_sha256, { 0 }, AT(sha256), 0 },
	{ "member", read_member, { 0 }, AT(member), 0 },
	{ "tree", config_read_bool, { 0 }, AT(is_tree), 0 },
	{ "links", read_links, { 0 }, AT(links), 0 },
};

static const struct config_row_kind KIND = {
	.section = "tools",
	.n_bytes = sizeof(struct config_tool),
	.max_rows = MAX_TOOLS,
	.fields = FIELDS,
	.n_fields = DV_COUNT(FIELDS),
	.init = row_init,
	.done = row_done,
};

int config_read_tools(const struct config_place *place, const struct config_target *target)
{
	struct config_tool **tools = target->field;
	void *rows = *tools;
	int r = config_rows_read(place, &KIND, &rows, target->n_items);

	*tools = rows;
	return r;
}

void config_tools_done(struct config *config)
{
	void *rows = config->tools;

	config_rows_done(&KIND, &rows, &config->n_tools);
	config->tools = NULL;
	str_list_done(&config->packages);
}

/* https://www.debian.org/doc/debian-policy/ch-controlfields.html#source */
static bool is_package(const char *text)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz0123456789+-.";
	size_t n = strspn(text, good);

	return n >= 2 && text[n] == '\0' && n <= PACKAGE_MAX_BYTES && !strchr("+-.", text[0]);
}

int config_read_packages(const struct config_place *place, const struct config_target *target)
{
	struct str_list *packages = target->field;
	const struct yaml_node *list = place->node;

	if (list->kind != YAML_LIST || list->n_children > MAX_PACKAGES)
		return config_refuse(place, -EINVAL, "must be a list of %d packages at most",
				     MAX_PACKAGES);
	str_list_done(packages);
	*packages = (struct str_list){ 0 };
	for (size_t i = 0; i < list->n_children; i++) {
		const struct yaml_node *node = &list->children[i];

		if (node->kind != YAML_SCALAR || !is_package(node->scalar))
			return config_refuse(place, -EINVAL,
					     "must hold names of Debian packages: a-z, 0-9, + - .");
		if (!str_list_has(packages, node->scalar) &&
		    str_list_add(packages, node->scalar) < 0)
			return config_refuse(place, -ENOMEM, "out of memory");
	}
	return 0;
}

/* ---- all together --------------------------------------------------------------------- */

/* What is installed by other parts of devvm below the same folder. */
static bool is_taken(const char *name)
{
	static const char *const names[] = { "t3", "playwright", "claude" };

	for (size_t i = 0; i < DV_COUNT(names); i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

static int check_tool(struct config_tool *tool, const char *name, struct dv_error *err)
{
	char link[sizeof("/usr/local/bin/") + CONFIG_ROW_NAME_MAX];

	if (is_taken(tool->head.name))
		return dv_refuse(err, -EINVAL, "%s:%u: tools.%s: devvm keeps that one itself", name,
				 tool->head.line, tool->head.name);
	if (!tool->version || !tool->url || !tool->sha256)
		return dv_refuse(err, -EINVAL, "%s:%u: tools.%s: set version, url and sha256", name,
				 tool->head.line, tool->head.name);
	if (tool->member && tool->is_tree)
		return dv_refuse(err, -EINVAL,
				 "%s:%u: tools.%s: it is one member or the whole tree: set either "
				 "member or tree",
				 name, tool->head.line, tool->head.name);
	if (tool->links.n_items > 0 || tool->is_tree)
		return 0;
	(void)snprintf(link, sizeof(link), "/usr/local/bin/%s", tool->head.name);
	return str_list_add(&tool->links, link) < 0 ? dv_fail(err, -ENOMEM, "read %s", name) : 0;
}

static int check_links(const struct config *config, const char *name, struct dv_error *err)
{
	DV_AUTO_STR_LIST struct str_list seen = { 0 };

	for (size_t i = 0; i < config->n_tools; i++) {
		const struct config_tool *tool = &config->tools[i];

		for (size_t k = 0; k < tool->links.n_items; k++) {
			DV_AUTO_FREE char *path = strdup(tool->links.items[k]);

			if (!path)
				return dv_fail(err, -ENOMEM, "read %s", name);
			path[strcspn(path, "=")] = '\0';
			if (str_list_has(&seen, path))
				return dv_refuse(err, -EINVAL,
						 "%s: tools.%s: %s is a link of another tool", name,
						 tool->head.name, path);
			if (str_list_add(&seen, path) < 0)
				return dv_fail(err, -ENOMEM, "read %s", name);
		}
	}
	return 0;
}

int config_tools_check(struct config *config, const char *name, struct dv_error *err)
{
	for (size_t i = 0; i < config->n_tools; i++) {
		int r = check_tool(&config->tools[i], name, err);

		if (r < 0)
			return r;
	}
	return check_links(config, name, err);
}
