/* config_mirrors.c - see config_mirrors.h. */
#include "config/config_mirrors.h"

#include <string.h>

#include "config/config_secrets.h"

#define MAX_MIRRORS 16
#define TEXT_MAX_BYTES 400

#define WORD "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define PATH_LETTERS WORD "/._+-,@"
#define URL_LETTERS WORD "/._+-,~:[]?&=%"

/* Where a unit of a mirror may write. */
static const char *const DESTINATIONS[] = { "/srv/", "/opt/", "/var/lib/devvm-mirrors/" };
/* Other parts of devvm keep these. */
static const char *const TAKEN[] = { "/opt/devvm", "/opt/codex-shared" };

static const char *const TYPES[] = {
	[CONFIG_MIRROR_UNSET] = "",    [CONFIG_MIRROR_LOCAL] = "local",
	[CONFIG_MIRROR_SFTP] = "sftp", [CONFIG_MIRROR_WEBDAV] = "webdav",
	[CONFIG_MIRROR_HTTP] = "http", NULL,
};

static int row_init(void *row)
{
	struct config_mirror *mirror = row;

	mirror->interval_minutes = 60;
	mirror->max_delete = 25;
	return 0;
}

static void row_done(void *row)
{
	struct config_mirror *mirror = row;

	free(mirror->source);
	free(mirror->user);
	free(mirror->known_hosts);
	free(mirror->secret);
	free(mirror->destination);
}

const struct config_mirror *config_mirror_find(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->mirrors.n_rows; i++) {
		if (strcmp(config->mirrors.rows[i].head.name, name) == 0)
			return &config->mirrors.rows[i];
	}
	return NULL;
}

const struct config_secret *config_mirror_secret(const struct config *config,
						 const struct config_mirror *mirror)
{
	for (size_t i = 0; mirror->secret && i < config->secrets.n_rows; i++) {
		if (strcmp(config->secrets.rows[i].head.name, mirror->secret) == 0)
			return &config->secrets.rows[i];
	}
	return NULL;
}

/* ---- reading one ---------------------------------------------------------------------- */

static bool consists_of(const char *text, const char *letters)
{
	return *text && strlen(text) <= TEXT_MAX_BYTES && !text[strspn(text, letters)];
}

int config_mirror_parse_sftp(const char *source, struct config_sftp *ret_sftp)
{
	static const char scheme[] = "sftp://";
	const char *host = source + strlen(scheme);
	struct config_sftp sftp = { .port = 22 };
	const char *end, *colon;
	char port[8] = "22";
	uint64_t number = 0;
	size_t n_host;

	if (!str_starts_with(source, scheme))
		return -EINVAL;
	sftp.path = strchr(host, '/');
	if (!sftp.path || !consists_of(sftp.path, PATH_LETTERS))
		return -EINVAL;
	end = *host == '[' ? memchr(host, ']', (size_t)(sftp.path - host)) : host;
	if (!end)
		return -EINVAL;
	colon = memchr(end, ':', (size_t)(sftp.path - end));
	if (*host == '[' && end + 1 != (colon ? colon : sftp.path))
		return -EINVAL;
	n_host = (size_t)((colon ? colon : sftp.path) - host);
	if (*host == '[') {
		host++;
		n_host -= 2;
	}
	if (n_host == 0 || n_host >= sizeof(sftp.host))
		return -EINVAL;
	(void)snprintf(sftp.host, sizeof(sftp.host), "%.*s", (int)n_host, host);
	if (!consists_of(sftp.host, *end == ']' ? WORD ":." : WORD ".-"))
		return -EINVAL;
	if (colon && sftp.path - colon - 1 < (ptrdiff_t)sizeof(port))
		(void)snprintf(port, sizeof(port), "%.*s", (int)(sftp.path - colon - 1), colon + 1);
	else if (colon)
		return -EINVAL;
	if (str_to_uint(port, 65535, &number) < 0 || number == 0)
		return -EINVAL;
	sftp.port = (unsigned int)number;
	*ret_sftp = sftp;
	return 0;
}

static bool is_plain(const char *path)
{
	return consists_of(path, PATH_LETTERS) && config_is_place(path);
}

static int read_text(const struct config_place *place, const char *letters, char **field)
{
	const struct yaml_node *node = place->node;
	char *copy;

	if (node->kind != YAML_SCALAR || node->is_null || !consists_of(node->scalar, letters))
		return config_refuse(place, -EINVAL,
				     "must be letters, digits and %s, at most %d of them",
				     letters + strlen(WORD), TEXT_MAX_BYTES);
	copy = strdup(node->scalar);
	if (!copy)
		return config_refuse(place, -ENOMEM, "out of memory");
	free(*field);
	*field = copy;
	return 0;
}

static int read_source(const struct config_place *place, const struct config_target *target)
{
	static const char what[] = "must be an absolute path outside homes, sftp://HOST/PATH, or "
				   "an http:// or https:// URL, without a user or a password";
	int r = read_text(place, URL_LETTERS "@", target->field);
	struct config_sftp sftp;
	const char *source, *web;

	if (r < 0)
		return r;
	source = *(char **)target->field;
	web = str_starts_with(source, "https://")  ? source + strlen("https://")
	      : str_starts_with(source, "http://") ? source + strlen("http://")
						   : NULL;
	if (source[0] == '/')
		return is_plain(source) ? 0 : config_refuse(place, -EINVAL, "%s", what);
	if (config_mirror_parse_sftp(source, &sftp) == 0 ||
	    (web && *web && *web != '/' && consists_of(web, URL_LETTERS)))
		return 0;
	return config_refuse(place, -EINVAL, "%s", what);
}

static int read_destination(const struct config_place *place, const struct config_target *target)
{
	const char *destination;
	int r = read_text(place, PATH_LETTERS, target->field);

	if (r < 0)
		return r;
	destination = *(char **)target->field;
	for (size_t i = 0; i < DV_COUNT(TAKEN); i++) {
		const char *rest = destination + strlen(TAKEN[i]);

		if (str_starts_with(destination, TAKEN[i]) && (!*rest || *rest == '/'))
			return config_refuse(place, -EINVAL, "%s is kept by another part of devvm",
					     TAKEN[i]);
	}
	for (size_t i = 0; i < DV_COUNT(DESTINATIONS); i++) {
		if (str_starts_with(destination, DESTINATIONS[i]) && is_plain(destination))
			return 0;
	}
	return config_refuse(place, -EINVAL,
			     "must be a plain path below /srv, /opt or /var/lib/devvm-mirrors");
}

static int read_type(const struct config_place *place, const struct config_target *target)
{
	return config_read_word(place, target, TYPES);
}

static int read_user(const struct config_place *place, const struct config_target *target)
{
	return read_text(place, WORD "._+-@", target->field);
}

static int read_known_hosts(const struct config_place *place, const struct config_target *target)
{
	return read_text(place, PATH_LETTERS, target->field);
}

static int read_secret(const struct config_place *place, const struct config_target *target)
{
	return read_text(place, WORD "-", target->field);
}

#define AT(member) offsetof(struct config_mirror, member)

static const struct config_row_field FIELDS[] = {
	{ "source", read_source, { 0 }, AT(source), 0 },
	{ "type", read_type, { 0 }, AT(type), 0 },
	{ "user", read_user, { 0 }, AT(user), 0 },
	{ "known_hosts", read_known_hosts, { 0 }, AT(known_hosts), 0 },
	{ "secret", read_secret, { 0 }, AT(secret), 0 },
	{ "destination", read_destination, { 0 }, AT(destination), 0 },
	{ "interval", config_read_uint, { 60, 525600 }, AT(interval_minutes), 0 },
	{ "max_delete", config_read_uint, { 0, 1000000 }, AT(max_delete), 0 },
};

/* The name becomes part of the name of a unit, and of files. */
static const struct config_row_kind KIND = {
	.section = "mirrors",
	.n_bytes = sizeof(struct config_mirror),
	.max_rows = MAX_MIRRORS,
	.fields = FIELDS,
	.n_fields = DV_COUNT(FIELDS),
	.init = row_init,
	.done = row_done,
};

int config_read_mirrors(const struct config_place *place, const struct config_target *target)
{
	struct config_mirrors *mirrors = target->field;
	void *rows = mirrors->rows;
	int r = config_rows_read(place, &KIND, &rows, &mirrors->n_rows);

	mirrors->rows = rows;
	return r;
}

void config_mirrors_done(struct config_mirrors *mirrors)
{
	void *rows = mirrors->rows;

	config_rows_done(&KIND, &rows, &mirrors->n_rows);
	mirrors->rows = NULL;
}

/* ---- all together --------------------------------------------------------------------- */

/* What a type takes: 'm' must, 'y' may, 'n' must not. */
static const struct {
	const char *begins;
	char user, secret, known_hosts;
} RULES[] = {
	[CONFIG_MIRROR_LOCAL] = { "/", 'n', 'n', 'n' },
	[CONFIG_MIRROR_SFTP] = { "sftp://", 'm', 'm', 'y' },
	[CONFIG_MIRROR_WEBDAV] = { "http", 'y', 'y', 'n' },
	[CONFIG_MIRROR_HTTP] = { "http", 'n', 'n', 'n' },
};

static int check_key(char rule, const char *value, const char *key, const struct config_mirror *row,
		     const char *name, struct dv_error *err)
{
	if (rule == 'm' && !value)
		return dv_refuse(err, -EINVAL, "%s:%u: mirrors.%s: its source is %s: set %s too",
				 name, row->head.line, row->head.name, TYPES[row->type], key);
	if (rule == 'n' && value)
		return dv_refuse(err, -EINVAL,
				 "%s:%u: mirrors.%s: %s is not for a source of the type %s", name,
				 row->head.line, row->head.name, key, TYPES[row->type]);
	return 0;
}

static int check_secret(const struct config *config, const struct config_mirror *row,
			const char *name, struct dv_error *err)
{
	const struct config_secret *secret = config_mirror_secret(config, row);

	if (!row->secret)
		return 0;
	if (!secret || secret->source == CONFIG_SECRET_NONE || !secret->path)
		return dv_refuse(err, -EINVAL,
				 "%s:%u: mirrors.%s: secret %s is none of secrets: that has a "
				 "source",
				 name, row->head.line, row->head.name, row->secret);
	if (row->type == CONFIG_MIRROR_WEBDAV && !row->user)
		return dv_refuse(err, -EINVAL,
				 "%s:%u: mirrors.%s: secret is a password: set user too", name,
				 row->head.line, row->head.name);
	if (row->type == CONFIG_MIRROR_WEBDAV && !config_is_safe_url(row->source))
		return dv_refuse(err, -EINVAL,
				 "%s:%u: mirrors.%s: a password goes over http:// to this machine "
				 "alone; use https://",
				 name, row->head.line, row->head.name);
	return 0;
}

static int check_mirror(const struct config *config, struct config_mirror *row, const char *name,
			struct dv_error *err)
{
	int r;

	if (!row->source || !row->destination)
		return dv_refuse(err, -EINVAL, "%s:%u: mirrors.%s: set source and destination",
				 name, row->head.line, row->head.name);
	if (row->type == CONFIG_MIRROR_UNSET)
		row->type = row->source[0] == '/'		      ? CONFIG_MIRROR_LOCAL
			    : str_starts_with(row->source, "sftp://") ? CONFIG_MIRROR_SFTP
								      : CONFIG_MIRROR_WEBDAV;
	if (!str_starts_with(row->source, RULES[row->type].begins))
		return dv_refuse(err, -EINVAL,
				 "%s:%u: mirrors.%s: its source is not of the type %s", name,
				 row->head.line, row->head.name, TYPES[row->type]);
	r = check_key(RULES[row->type].user, row->user, "user", row, name, err);
	if (r == 0)
		r = check_key(RULES[row->type].secret, row->secret, "secret", row, name, err);
	if (r == 0)
		r = check_key(RULES[row->type].known_hosts, row->known_hosts, "known_hosts", row,
			      name, err);
	if (r == 0 && row->known_hosts && row->known_hosts[0] != '/')
		r = dv_refuse(err, -EINVAL,
			      "%s:%u: mirrors.%s: known_hosts must be an absolute path", name,
			      row->head.line, row->head.name);
	return r < 0 ? r : check_secret(config, row, name, err);
}

/* One is the other, or lies in it. */
static bool is_within(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return strncmp(path, folder, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

static bool overlap(const char *a, const char *b)
{
	return is_within(a, b) || is_within(b, a);
}

static int check_apart(const struct config *config, const struct config_mirror *row,
		       const char *name, struct dv_error *err)
{
	for (size_t i = 0; i < config->mirrors.n_rows; i++) {
		const struct config_mirror *other = &config->mirrors.rows[i];

		if (other != row && overlap(other->destination, row->destination))
			return dv_refuse(err, -EINVAL,
					 "%s:%u: mirrors.%s: its destination and that of "
					 "mirrors.%s are one, or one lies in the other",
					 name, row->head.line, row->head.name, other->head.name);
	}
	if (row->type == CONFIG_MIRROR_LOCAL && overlap(row->source, row->destination))
		return dv_refuse(err, -EINVAL,
				 "%s:%u: mirrors.%s: source and destination are one, or one lies "
				 "in the other",
				 name, row->head.line, row->head.name);
	return 0;
}

int config_mirrors_check(struct config *config, const char *name, struct dv_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < config->mirrors.n_rows; i++)
		r = check_mirror(config, &config->mirrors.rows[i], name, err);
	for (size_t i = 0; r == 0 && i < config->mirrors.n_rows; i++)
		r = check_apart(config, &config->mirrors.rows[i], name, err);
	return r;
}
