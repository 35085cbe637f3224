/* config_secrets.c - see config_secrets.h. */
#include "config/config_secrets.h"

#include <string.h>

#define MAX_SECRETS 64
#define MAX_HOSTS 16
#define NAME_MAX_BYTES 40

static const struct {
	const char *name;
	const char *path; /* NULL: `token.path` */
	const char *group;
	mode_t mode;
} KNOWN[] = {
	{ "claude-token", NULL, "root", 0600 },
	{ "chrome-service-token", "/etc/t3-serve/chrome-service-token", "root", 0600 },
	{ "codex-auth", "/opt/codex-shared/auth.json", "codex-shared", 0660 },
	{ CONFIG_K8S_USERS, CONFIG_K8S_USERS_PATH, "root", 0600 },
};

static void secret_row_done(struct config_secret *row)
{
	free(row->name);
	free(row->from);
	free(row->field);
	free(row->path);
	free(row->owner);
	free(row->group);
	*row = (struct config_secret){ 0 };
}

void config_secrets_done(struct config_secrets *secrets)
{
	for (size_t i = 0; i < secrets->n_rows; i++)
		secret_row_done(&secrets->rows[i]);
	free(secrets->rows);
	*secrets = (struct config_secrets){ 0 };
}

static int set(char **field, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

static struct config_secret *add_row(struct config_secrets *secrets, const char *name)
{
	struct config_secret *rows =
		reallocarray(secrets->rows, secrets->n_rows + 1, sizeof(*rows));
	struct config_secret row = { .name = strdup(name), .mode = 0600 };

	if (rows)
		secrets->rows = rows;
	if (!rows || !row.name || set(&row.owner, "root") < 0 || set(&row.group, "root") < 0 ||
	    set(&row.field, "value") < 0) {
		secret_row_done(&row);
		return NULL;
	}
	secrets->rows[secrets->n_rows] = row;
	return &secrets->rows[secrets->n_rows++];
}

int config_secrets_init(struct config_secrets *secrets)
{
	for (size_t i = 0; i < DV_COUNT(KNOWN); i++) {
		struct config_secret *row = add_row(secrets, KNOWN[i].name);

		if (!row || set(&row->group, KNOWN[i].group) < 0 ||
		    (KNOWN[i].path && set(&row->path, KNOWN[i].path) < 0))
			return -ENOMEM;
		row->mode = KNOWN[i].mode;
		row->is_default = true;
	}
	return 0;
}

/* ---- reading one ---------------------------------------------------------------------- */

static int read_word(const struct config_place *place, char **field)
{
	static const char good[] = "0123456789abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ/._@+-";
	const struct yaml_node *node = place->node;

	if (node->kind != YAML_SCALAR || node->is_null || !*node->scalar ||
	    node->scalar[strspn(node->scalar, good)] || strstr(node->scalar, "..") ||
	    strlen(node->scalar) > 200)
		return config_refuse(
			place, -EINVAL,
			"must be a word of letters, digits and / . _ @ + -, without ..");
	return set(field, node->scalar) < 0 ? config_refuse(place, -ENOMEM, "out of memory") : 0;
}

bool config_is_plain_path(const char *path)
{
	static const char *const closed[] = { "/home/", "/root/", "/proc/", "/sys/", "/dev/" };

	for (size_t i = 0; i < DV_COUNT(closed); i++) {
		if (str_starts_with(path, closed[i]))
			return false;
	}
	return !strstr(path, "//") && !strstr(path, "/./") && !strstr(path, "/../") &&
	       path[strlen(path) - 1] != '/' && strlen(path) < 200 &&
	       strcmp(strrchr(path, '/'), "/..") != 0 && strcmp(strrchr(path, '/'), "/.") != 0;
}

static int read_path(const struct config_place *place, char **field)
{
	const struct config_target target = { .field = field };
	int r = config_read_path(place, &target);

	if (r == 0 && !config_is_plain_path(*field))
		r = config_refuse(
			place, -EINVAL,
			"must be a plain path, and not inside homes, /proc, /sys or /dev");
	return r;
}

static int read_mode(const struct config_place *place, mode_t *ret_mode)
{
	const struct yaml_node *node = place->node;
	const char *text = node->kind == YAML_SCALAR ? node->scalar : "";

	/* Nothing is executed, and nothing is for everybody. */
	if (strlen(text) != 4 || text[0] != '0' || strspn(text, "01234567") != 4 ||
	    text[3] != '0' || strtoul(text, NULL, 8) & 0110)
		return config_refuse(place, -EINVAL,
				     "must be a mode like 0600 or 0640: nothing for others, "
				     "nothing to execute");
	*ret_mode = (mode_t)strtoul(text, NULL, 8);
	return 0;
}

static int read_field(const struct config_place *place, struct config_secret *row)
{
	static const char *const sources[] = {
		[CONFIG_SECRET_FILE] = "file",
		[CONFIG_SECRET_VAULT] = "vault",
		[CONFIG_SECRET_CREDENTIAL] = "credential",
		[CONFIG_SECRET_NONE] = "none",
		NULL,
	};
	const char *key = place->node->key;
	char shown[STR_SHOW_BYTES];

	if (strcmp(key, "source") == 0)
		return config_read_word(place, &(struct config_target){ .field = &row->source },
					sources);
	if (strcmp(key, "from") == 0)
		return read_word(place, &row->from);
	if (strcmp(key, "field") == 0)
		return read_word(place, &row->field);
	if (strcmp(key, "path") == 0)
		return read_path(place, &row->path);
	if (strcmp(key, "mode") == 0)
		return read_mode(place, &row->mode);
	if (strcmp(key, "owner") == 0)
		return read_word(place, &row->owner);
	if (strcmp(key, "group") == 0)
		return read_word(place, &row->group);
	return config_refuse(place, -EINVAL,
			     "unknown key %s; known here are source, from, field, path, mode, "
			     "owner, group",
			     str_show(key, shown));
}

static int read_secret(const struct config_place *place, struct config_secret *row)
{
	int r = 0;

	row->line = place->node->line;
	row->is_default = false;
	if (place->node->kind != YAML_MAP && !place->node->is_null)
		return config_refuse(place, -EINVAL, "must be a map of keys");
	for (size_t i = 0; r == 0 && i < place->node->n_children; i++) {
		struct config_place at = *place;

		at.node = &place->node->children[i];
		r = read_field(&at, row);
	}
	return r;
}

static bool is_name(const char *text)
{
	return *text >= 'a' && *text <= 'z' && strlen(text) <= NAME_MAX_BYTES &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(text);
}

int config_read_secrets(const struct config_place *place, const struct config_target *target)
{
	struct config_secrets *secrets = target->field;

	if (place->node->kind != YAML_MAP)
		return place->node->is_null
			       ? 0
			       : config_refuse(place, -EINVAL, "must be a map of names");
	if (place->node->n_children > MAX_SECRETS)
		return config_refuse(place, -EINVAL, "has more than %d names", MAX_SECRETS);
	for (size_t i = 0; i < place->node->n_children; i++) {
		const struct yaml_node *node = &place->node->children[i];
		char path[NAME_MAX_BYTES + sizeof("secrets.")] = "secrets";
		const struct config_place at = {
			.file = place->file, .path = path, .node = node, .err = place->err
		};
		struct config_secret *row = NULL;
		int r;

		if (!is_name(node->key))
			return config_refuse(&at, -EINVAL,
					     "a name has a-z, 0-9 and -, a letter first, %d at "
					     "most",
					     NAME_MAX_BYTES);
		(void)snprintf(path, sizeof(path), "secrets.%s", node->key); /* fits, see above */
		for (size_t k = 0; !row && k < secrets->n_rows; k++) {
			if (strcmp(secrets->rows[k].name, node->key) == 0)
				row = &secrets->rows[k];
		}
		if (!row)
			row = add_row(secrets, node->key);
		if (!row)
			return config_refuse(&at, -ENOMEM, "out of memory");
		r = read_secret(&at, row);
		if (r < 0)
			return r;
	}
	return 0;
}

int config_read_hosts(const struct config_place *place, const struct config_target *target)
{
	struct str_list *hosts = target->field;

	if (place->node->kind != YAML_LIST || place->node->n_children > MAX_HOSTS)
		return config_refuse(place, -EINVAL, "must be a list of %d hosts at most",
				     MAX_HOSTS);
	str_list_done(hosts);
	*hosts = (struct str_list){ 0 };
	for (size_t i = 0; i < place->node->n_children; i++) {
		const struct yaml_node *node = &place->node->children[i];

		if (node->kind != YAML_SCALAR || !*node->scalar ||
		    strspn(node->scalar, "abcdefghijklmnopqrstuvwxyz0123456789.-:[]") !=
			    strlen(node->scalar))
			return config_refuse(place, -EINVAL,
					     "must hold hosts: host or host:port, in lower case");
		if (str_list_add(hosts, node->scalar) < 0)
			return config_refuse(place, -ENOMEM, "out of memory");
	}
	return 0;
}

/* ---- all together --------------------------------------------------------------------- */

static int check_secret(struct config *config, struct config_secret *row, const char *name,
			struct dv_error *err)
{
	if (!row->path && strcmp(row->name, "claude-token") == 0 &&
	    set(&row->path, config->token_path) < 0)
		return dv_fail(err, -ENOMEM, "read %s", name);
	if (!row->from && row->source == CONFIG_SECRET_FILE &&
	    asprintf(&row->from, "%s/%s", CONFIG_SECRETS_FOLDER, row->name) < 0) {
		row->from = NULL; /* asprintf(3): undefined then */
		return dv_fail(err, -ENOMEM, "read %s", name);
	}
	if (!row->from && row->source == CONFIG_SECRET_CREDENTIAL && set(&row->from, row->name) < 0)
		return dv_fail(err, -ENOMEM, "read %s", name);
	if (row->source == CONFIG_SECRET_NONE)
		return 0;
	if (!row->path)
		return dv_refuse(err, -EINVAL, "%s:%u: secrets.%s: set path, where it is staged",
				 name, row->line, row->name);
	if (row->source == CONFIG_SECRET_FILE && row->from[0] != '/')
		return dv_refuse(err, -EINVAL, "%s:%u: secrets.%s: from must be an absolute path",
				 name, row->line, row->name);
	if (row->source == CONFIG_SECRET_CREDENTIAL && strchr(row->from, '/'))
		return dv_refuse(err, -EINVAL,
				 "%s:%u: secrets.%s: from must be the name of a credential", name,
				 row->line, row->name);
	if (row->source != CONFIG_SECRET_VAULT)
		return 0;
	if (!row->from || row->from[0] == '/')
		return dv_refuse(err, -EINVAL,
				 "%s:%u: secrets.%s: set from, its path below vault.mount", name,
				 row->line, row->name);
	if (!config->vault_url)
		return dv_refuse(err, -EINVAL,
				 "%s:%u: secrets.%s: its source is vault: set vault.url too", name,
				 row->line, row->name);
	return 0;
}

bool config_is_safe_url(const char *url)
{
	static const char *const near[] = { "http://127.0.0.1", "http://localhost",
					    "http://[::1]" };

	for (size_t i = 0; i < DV_COUNT(near); i++) {
		const char *rest = url + strlen(near[i]);

		if (str_starts_with(url, near[i]) && (!*rest || *rest == ':' || *rest == '/'))
			return true;
	}
	return str_starts_with(url, "https://");
}

static int check_vault(const struct config *config, const char *name, struct dv_error *err)
{
	bool has_role = config->vault_role_id_file && config->vault_secret_id_file;

	if (!config->vault_url)
		return 0;
	if (!config_is_safe_url(config->vault_url))
		return dv_refuse(err, -EINVAL,
				 "%s: vault.url: http:// is for this machine alone; use https://",
				 name);
	if (!config->vault_token_file && !has_role)
		return dv_refuse(err, -EINVAL,
				 "%s: vault.url is set: set vault.token_file, or "
				 "vault.role_id_file and vault.secret_id_file, too",
				 name);
	return 0;
}

int config_secrets_check(struct config *config, const char *name, struct dv_error *err)
{
	int r = check_vault(config, name, err);

	for (size_t i = 0; r == 0 && i < config->secrets.n_rows; i++) {
		const struct config_secret *row = &config->secrets.rows[i];

		r = check_secret(config, &config->secrets.rows[i], name, err);
		for (size_t k = 0; r == 0 && k < i; k++) {
			if (row->path && str_equal(row->path, config->secrets.rows[k].path))
				r = dv_refuse(err, -EINVAL,
					      "%s: secrets.%s and secrets.%s have one path, %s",
					      name, config->secrets.rows[k].name, row->name,
					      row->path);
		}
	}
	return r;
}
