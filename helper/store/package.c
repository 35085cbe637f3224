/* package.c - see package.h. */
#include "store/package.h"

#include <fcntl.h>
#include <jansson.h>
#include <string.h>

#include "base/file.h"

#define JSON_MAX_BYTES (16 << 20) /* a lock file of thousands of packages */

static void json_freep(json_t **json)
{
	json_decref(*json);
}

#define AUTO_JSON DV_CLEANUP(json_freep)

static bool is_name_part(const char *text, size_t n)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz0123456789-._";

	return n > 0 && text[0] != '.' && text[0] != '-' && strspn(text, good) >= n;
}

bool package_is_name(const char *text)
{
	const char *slash = strchr(text, '/');

	if (strlen(text) > PACKAGE_NAME_MAX)
		return false;
	if (text[0] != '@')
		return is_name_part(text, strlen(text));
	return slash && is_name_part(text + 1, (size_t)(slash - text - 1)) &&
	       is_name_part(slash + 1, strlen(slash + 1));
}

/* Files of a version are root's, those of a stage are somebody's: links are not followed. */
static int load(int root_fd, const char *path, json_t **ret_json, struct dv_error *err)
{
	DV_AUTO_CLOSE int fd = file_open_beneath(root_fd, path, O_RDONLY, 0, err);
	AUTO_JSON json_t *json = NULL;
	json_error_t why;
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return dv_fail(err, -errno, "stat %s", path);
	if (!S_ISREG(st.st_mode) || st.st_size > JSON_MAX_BYTES)
		return dv_refuse(err, -EBADMSG, "%s is no file of a sensible size", path);
	json = json_loadfd(fd, JSON_REJECT_DUPLICATES, &why);
	if (!json)
		return dv_refuse(err, -EBADMSG, "%s:%d: %s", path, why.line, why.text);
	*ret_json = DV_TAKE_PTR(json);
	return 0;
}

static void package_path(char ret_path[static PACKAGE_PATH_BYTES], const char *package,
			 const char *file)
{
	(void)snprintf(ret_path, PACKAGE_PATH_BYTES, "node_modules/%s/%s", package, file);
}

static int load_package(int root_fd, const char *package, json_t **ret_json, struct dv_error *err)
{
	char path[PACKAGE_PATH_BYTES];

	if (!package_is_name(package))
		return dv_refuse(err, -EINVAL, "that is no name of a package");
	package_path(path, package, "package.json");
	return load(root_fd, path, ret_json, err);
}

static int take_version(const json_t *json, const char *whose,
			char ret_version[static STORE_VERSION_BYTES], struct dv_error *err)
{
	const char *version = json_string_value(json);

	if (!version || !store_is_version(version))
		return dv_refuse(err, -EBADMSG, "%s has no version that is one", whose);
	(void)snprintf(ret_version, STORE_VERSION_BYTES, "%s", version);
	return 0;
}

int package_read_version(int root_fd, const char *package,
			 char ret_version[static STORE_VERSION_BYTES], struct dv_error *err)
{
	AUTO_JSON json_t *json = NULL;
	int r = load_package(root_fd, package, &json, err);

	return r < 0 ? r
		     : take_version(json_object_get(json, "version"), package, ret_version, err);
}

static const char *bin_of(const json_t *json, const char *name)
{
	json_t *bin = json_object_get(json, "bin");
	const char *named = json_string_value(json_object_get(bin, name));

	if (json_is_string(bin))
		return json_string_value(bin);
	if (!named && json_object_size(bin) == 1)
		named = json_string_value(json_object_iter_value(json_object_iter(bin)));
	return named;
}

int package_find_bin(int root_fd, const char *package, const char *name,
		     char ret_path[static PACKAGE_PATH_BYTES], struct dv_error *err)
{
	AUTO_JSON json_t *json = NULL;
	DV_AUTO_CLOSE int fd = -1;
	char path[PACKAGE_PATH_BYTES];
	const char *bin;
	int r = load_package(root_fd, package, &json, err);

	if (r < 0)
		return r;
	bin = bin_of(json, name);
	if (!bin || strlen(bin) > PACKAGE_PATH_BYTES / 2 - 1)
		return dv_refuse(err, -EBADMSG, "%s names no program %s in its package.json",
				 package, name);
	package_path(path, package, str_starts_with(bin, "./") ? bin + 2 : bin);
	/* Opened as it is from `root_fd`: a path that leads out does not get there. */
	fd = file_open_beneath(root_fd, path, O_RDONLY, 0, err);
	if (fd < 0)
		return fd;
	(void)snprintf(ret_path, PACKAGE_PATH_BYTES, "%s", path);
	return 0;
}

static int take_integrity(const json_t *json, const char *whose,
			  char ret_integrity[static PACKAGE_INTEGRITY_MAX + 1],
			  struct dv_error *err)
{
	const char *integrity = json_string_value(json);

	if (!integrity || !str_starts_with(integrity, "sha") ||
	    strlen(integrity) > PACKAGE_INTEGRITY_MAX || str_has_control(integrity))
		return dv_refuse(err, -EBADMSG, "%s has no integrity hash", whose);
	(void)snprintf(ret_integrity, PACKAGE_INTEGRITY_MAX + 1, "%s", integrity);
	return 0;
}

int package_parse_lock(const char *text, size_t n_bytes, const char *package,
		       char ret_integrity[static PACKAGE_INTEGRITY_MAX + 1], struct dv_error *err)
{
	AUTO_JSON json_t *json = NULL;
	char path[PACKAGE_PATH_BYTES];
	json_error_t why;
	json_t *entry;

	json = json_loadb(text, n_bytes, 0, &why);
	if (!json)
		return dv_refuse(err, -EBADMSG, "package-lock.json:%d: %s", why.line, why.text);
	(void)snprintf(path, sizeof(path), "node_modules/%s", package);
	entry = json_object_get(json_object_get(json, "packages"), path);
	return take_integrity(json_object_get(entry, "integrity"),
			      "the package in package-lock.json", ret_integrity, err);
}

static json_t *parse_answer(const char *text, struct dv_error *err)
{
	json_error_t why;
	json_t *json = json_loads(text, JSON_DECODE_ANY, &why);

	if (!json)
		DV_IGNORE(
			dv_refuse(err, -EBADMSG, "what npm view printed is no JSON: %s", why.text));
	return json;
}

int package_parse_integrity(const char *text, char ret_integrity[static PACKAGE_INTEGRITY_MAX + 1],
			    struct dv_error *err)
{
	AUTO_JSON json_t *json = parse_answer(text, err);

	return json ? take_integrity(json, "the package in the registry", ret_integrity, err)
		    : -EBADMSG;
}

static void list_tags(json_t *tags, char *ret_text, size_t n_bytes)
{
	const char *tag;
	json_t *value;
	size_t n = 0;

	ret_text[0] = '\0';
	json_object_foreach(tags, tag, value)
	{
		if (store_is_version(tag) && n < n_bytes)
			n += (size_t)snprintf(ret_text + n, n_bytes - n, "%s%s", n ? ", " : "",
					      tag);
	}
}

int package_parse_tags(const char *text, const char *tag,
		       char ret_version[static STORE_VERSION_BYTES], struct dv_error *err)
{
	AUTO_JSON json_t *json = parse_answer(text, err);
	char known[128];
	json_t *version;

	if (!json)
		return -EBADMSG;
	version = json_object_get(json, tag);
	if (version)
		return take_version(version, "the tag", ret_version, err);
	list_tags(json, known, sizeof(known));
	return dv_refuse(err, -ENOENT, "there is no tag %s; there are %s", tag,
			 *known ? known : "none");
}

/* "npm error X" of npm 10 and later, "npm ERR! X" before. */
static const char *after_prefix(const char *line)
{
	static const char *const prefixes[] = { "npm error ", "npm ERR! " };

	for (size_t i = 0; i < DV_COUNT(prefixes); i++) {
		if (str_starts_with(line, prefixes[i]))
			return line + strlen(prefixes[i]);
	}
	return NULL;
}

/* Lines that say where, not what. */
static bool is_aside(const char *said)
{
	static const char *const words[] = { "code ",	 "syscall ",	   "errno ", "path ",
					     "command ", "A complete log", "cwd ",   "signal " };

	for (size_t i = 0; i < DV_COUNT(words); i++) {
		if (str_starts_with(said, words[i]))
			return true;
	}
	return !*said;
}

void package_npm_sentence(const char *output, char *ret_sentence, size_t n_bytes)
{
	DV_AUTO_FREE char *copy = strdup(output);
	char *rest = copy, *line;
	const char *last = "", *code = "";

	(void)snprintf(ret_sentence, n_bytes, "npm says nothing");
	while (copy && (line = strsep(&rest, "\n"))) {
		const char *said = after_prefix(line);

		for (char *c = line; *c; c++) {
			if ((unsigned char)*c < ' ' || *c == 0x7f)
				*c = ' ';
		}
		if (said && str_starts_with(said, "code "))
			code = said + strlen("code ");
		if (said && !is_aside(said)) {
			(void)snprintf(ret_sentence, n_bytes, "npm: %s%s%s", code,
				       *code ? ": " : "", said);
			return;
		}
		if (*line && !said)
			last = line;
	}
	if (copy && (*last || *code))
		(void)snprintf(ret_sentence, n_bytes, "npm: %s", *code ? code : last);
}

int package_read_manifest(int root_fd, struct package_manifest *ret_manifest, struct dv_error *err)
{
	AUTO_JSON json_t *json = NULL;
	struct package_manifest manifest = { 0 };
	const char *package;
	int r = load(root_fd, PACKAGE_MANIFEST, &json, err);

	if (r < 0)
		return r;
	package = json_string_value(json_object_get(json, "package"));
	if (!package || !package_is_name(package))
		return dv_refuse(err, -EBADMSG, PACKAGE_MANIFEST " names no package");
	(void)snprintf(manifest.package, sizeof(manifest.package), "%s", package);
	r = take_version(json_object_get(json, "version"), PACKAGE_MANIFEST, manifest.version, err);
	if (r == 0)
		r = take_integrity(json_object_get(json, "integrity"), PACKAGE_MANIFEST,
				   manifest.integrity, err);
	if (r == 0)
		*ret_manifest = manifest;
	return r;
}

int package_write_manifest(int root_fd, const struct package_manifest *manifest,
			   struct dv_error *err)
{
	AUTO_JSON json_t *json =
		json_pack("{s:s, s:s, s:s}", "package", manifest->package, "version",
			  manifest->version, "integrity", manifest->integrity);
	DV_AUTO_FREE char *text = json ? json_dumps(json, JSON_INDENT(1)) : NULL;

	if (!text)
		return dv_fail(err, -ENOMEM, "write " PACKAGE_MANIFEST);
	return file_replace(root_fd, PACKAGE_MANIFEST,
			    &(struct file_spec){ .data = text,
						 .n_bytes = strlen(text),
						 .mode = 0644,
						 .uid = (uid_t)-1,
						 .gid = (gid_t)-1 },
			    err);
}
