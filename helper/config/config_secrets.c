/* config_secrets.c - see config_secrets.h. */
#include "config/config_secrets.h"

#include <stddef.h>
#include <string.h>

#include "config/config_rows.h"

#define MAX_SECRETS 64
#define MAX_HOSTS 16

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

static void row_done(void *row)
{
	struct config_secret *secret = row;

	free(secret->from);
	free(secret->field);
	free(secret->path);
	free(secret->owner);
	free(secret->group);
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

static int row_init(void *row)
{
	struct config_secret *secret = row;

	secret->mode = 0600;
	return set(&secret->owner, "root") < 0 || set(&secret->group, "root") < 0 ||
			       set(&secret->field, "value") < 0
		       ? -ENOMEM
		       : 0;
}

static int read_source(const struct config_place *place, const struct config_target *target)
{
	static const char *const sources[] = {
		[CONFIG_SECRET_FILE] = "file",
		[CONFIG_SECRET_VAULT] = "vault",
		[CONFIG_SECRET_CREDENTIAL] = "credential",
		[CONFIG_SECRET_NONE] = "none",
		NULL,
	};

	return config_read_word(place, target, sources);
}

static int read_mode(const struct config_place *place, const struct config_target *target)
{
	const struct yaml_node *node = place->node;
	const char *text = node->kind == YAML_SCALAR ? node->scalar : "";

	/* Nothing is executed, and nothing is for everybody. */
	if (strlen(text) != 4 || text[0] != '0' || strspn(text, "01234567") != 4 ||
	    text[3] != '0' || strtoul(text, NULL, 8) & 0110)
		return config_refuse(place, -EINVAL,
				     "must be a mode like 0600 or 0640: nothing for others, "
				     "nothing to execute");
	*(mode_t *)target->field = (mode_t)strtoul(text, NULL, 8);
	return 0;
}

#define AT(member) offsetof(struct config_secret, member)

static const struct config_row_field FIELDS[] = {
	{ "source", read_source, { 0 }, AT(source), 0 },
	{ "from", config_read_token, { 0 }, AT(from), 0 },
	{ "field", config_read_token, { 0 }, AT(field), 0 },
	{ "path", config_read_place, { 0 }, AT(path), 0 },
	{ "mode", read_mode, { 0 }, AT(mode), 0 },
	{ "owner", config_read_token, { 0 }, AT(owner), 0 },
	{ "group", config_read_token, { 0 }, AT(group), 0 },
};

static const struct config_row_kind KIND = {
	.section = "secrets",
	.n_bytes = sizeof(struct config_secret),
	.max_rows = MAX_SECRETS,
	.fields = FIELDS,
	.n_fields = DV_COUNT(FIELDS),
	.init = row_init,
	.done = row_done,
};

static struct config_secret *add_row(struct config_secrets *secrets, const char *name)
{
	void *rows = secrets->rows;
	struct config_secret *row = config_rows_add(&KIND, &rows, &secrets->n_rows, name);

	secrets->rows = rows;
	return row;
}

void config_secrets_done(struct config_secrets *secrets)
{
	void *rows = secrets->rows;

	config_rows_done(&KIND, &rows, &secrets->n_rows);
	secrets->rows = NULL;
}

int config_read_secrets(const struct config_place *place, const struct config_target *target)
{
	struct config_secrets *secrets = target->field;
	void *rows = secrets->rows;
	int r = config_rows_read(place, &KIND, &rows, &secrets->n_rows);

	secrets->rows = rows;
	return r;
}

int config_secrets_init(struct config_secrets *secrets)
{
	for (size_t i = 0; i < DV_COUNT(KNOWN); i++) {
		struct config_secret *row = add_row(secrets, KNOWN[i].name);

		if (!row || set(&row->group, KNOWN[i].group) < 0 ||
		    (KNOWN[i].path && set(&row->path, KNOWN[i].path) < 0))
			return -ENOMEM;
		row->mode = KNOWN[i].mode;
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
	if (!row->path && strcmp(row->head.name, "claude-token") == 0 &&
	    set(&row->path, config->token_path) < 0)
		return dv_fail(err, -ENOMEM, "read %s", name);
	if (!row->from && row->source == CONFIG_SECRET_FILE &&
	    asprintf(&row->from, "%s/%s", CONFIG_SECRETS_FOLDER, row->head.name) < 0) {
		row->from = NULL; /* asprintf(3): undefined then */
		return dv_fail(err, -ENOMEM, "read %s", name);
	}
	if (!row->from && row->source == CONFIG_SECRET_CREDENTIAL &&
	    set(&row->from, row->head.name) < 0)
		return dv_fail(err, -ENOMEM, "read %s", name);
	if (row->source == CONFIG_SECRET_NONE)
		return 0;
	if (!row->path)
		return dv_refuse(err, -EINVAL, "%s:%u: secrets.%s: set path, where it is staged",
				 name, row->head.line, row->head.name);
	if (row->source == CONFIG_SECRET_FILE && row->from[0] != '/')
		return dv_refuse(err, -EINVAL, "%s:%u: secrets.%s: from must be an absolute path",
				 name, row->head.line, row->head.name);
	if (row->source == CONFIG_SECRET_CREDENTIAL && strchr(row->from, '/'))
		return dv_refuse(err, -EINVAL,
				 "%s:%u: secrets.%s: from must be the name of a credential", name,
				 row->head.line, row->head.name);
	if (row->source != CONFIG_SECRET_VAULT)
		return 0;
	if (!row->from || row->from[0] == '/')
		return dv_refuse(err, -EINVAL,
				 "%s:%u: secrets.%s: set from, its path below vault.mount", name,
				 row->head.line, row->head.name);
	if (!config->vault_url)
		return dv_refuse(err, -EINVAL,
				 "%s:%u: secrets.%s: its source is vault: set vault.url too", name,
				 row->head.line, row->head.name);
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
					      name, config->secrets.rows[k].head.name,
					      row->head.name, row->path);
		}
	}
	return r;
}
