/* candidate.c - see candidate.h. */
#include "update/candidate.h"

#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <time.h>

#include "base/file.h"

#define FILE_MAX_BYTES 8192
#define USEC_PER_S INT64_C(1000000)

static void json_freep(json_t **json)
{
	json_decref(*json);
}

#define AUTO_JSON DV_CLEANUP(json_freep)

/* As npm has it, 2026-01-31T12:00:00.000Z; some registries write +00:00. 0 for anything else. */
static int64_t parse_time(const char *text)
{
	struct tm tm = { 0 };
	const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;

	if (!rest || !*rest || !strchr(".Z+", *rest) || tm.tm_year < 70)
		return 0;
	return (int64_t)timegm(&tm) * USEC_PER_S;
}

static int take_version(const json_t *json, struct candidate *candidate, struct dv_error *err)
{
	const char *version = json_string_value(json_object_get(json, "version"));

	if (!version || !store_is_version(version))
		return dv_refuse(err, -EBADMSG, "the registry's answer names no version");
	(void)snprintf(candidate->version, sizeof(candidate->version), "%s", version);
	return 0;
}

/* One that is no hash is as good as none; the rules refuse both. */
static void take_integrity(const json_t *value, struct candidate *candidate)
{
	const char *text = json_string_value(value);

	if (text && str_starts_with(text, "sha") && strlen(text) <= PACKAGE_INTEGRITY_MAX &&
	    !str_has_control(text) && !strchr(text, ' '))
		(void)snprintf(candidate->integrity, sizeof(candidate->integrity), "%s", text);
}

/* npm takes any value but false and "" for yes. */
static void take_deprecated(const json_t *value, struct candidate *candidate)
{
	const char *text = json_string_value(value);

	if (!value || json_is_null(value) || json_is_false(value) || (text && !*text))
		return;
	(void)snprintf(candidate->deprecated, sizeof(candidate->deprecated), "%.*s",
		       CANDIDATE_REASON_MAX, text ? text : "no reason is given");
	for (char *c = candidate->deprecated; *c; c++) {
		if ((unsigned char)*c < ' ' || (unsigned char)*c > '~')
			*c = '?';
	}
}

static bool names_program(const json_t *bin)
{
	const char *only = json_string_value(bin);

	return (only && *only) || json_object_size(bin) > 0;
}

int candidate_parse(const char *text, struct candidate *ret_candidate, struct dv_error *err)
{
	struct candidate candidate = { 0 };
	char time[STORE_VERSION_BYTES + 8];
	json_error_t why;
	AUTO_JSON json_t *json = json_loads(text, 0, &why);
	int r;

	if (!json)
		return dv_refuse(err, -EBADMSG, "what npm view printed is no JSON: %s", why.text);
	if (!json_is_object(json))
		return dv_refuse(err, -EBADMSG, "npm view printed something about no one version");
	r = take_version(json, &candidate, err);
	if (r < 0)
		return r;
	take_integrity(json_object_get(json, "dist.integrity"), &candidate);
	take_deprecated(json_object_get(json, "deprecated"), &candidate);
	candidate.has_bin = names_program(json_object_get(json, "bin"));
	(void)snprintf(time, sizeof(time), "time[%s]", candidate.version);
	candidate.published_usec = parse_time(json_string_value(json_object_get(json, time)));
	*ret_candidate = candidate;
	return 0;
}

int candidate_write(int folder_fd, const struct candidate *candidate, struct dv_error *err)
{
	AUTO_JSON json_t *json =
		json_pack("{s:s, s:s, s:s, s:b, s:I}", "version", candidate->version, "integrity",
			  candidate->integrity, "deprecated", candidate->deprecated, "has_bin",
			  (int)candidate->has_bin, "published_usec",
			  (json_int_t)candidate->published_usec);
	DV_AUTO_FREE char *text = json ? json_dumps(json, JSON_INDENT(1)) : NULL;

	if (!text)
		return dv_fail(err, -ENOMEM, "write " CANDIDATE_FILE);
	return file_replace(folder_fd, CANDIDATE_FILE,
			    &(struct file_spec){ .data = text,
						 .n_bytes = strlen(text),
						 .mode = 0644,
						 .uid = (uid_t)-1,
						 .gid = (gid_t)-1 },
			    err);
}

int candidate_read(int folder_fd, struct candidate *ret_candidate, struct dv_error *err)
{
	DV_AUTO_CLOSE int fd = file_open_beneath(folder_fd, CANDIDATE_FILE, O_RDONLY, 0, err);
	struct candidate candidate = { 0 };
	DV_AUTO_FREE char *text = NULL;
	AUTO_JSON json_t *json = NULL;
	json_int_t published_usec;
	size_t n_bytes = 0;
	int r = fd;

	if (r >= 0)
		r = file_read_fd(fd, CANDIDATE_FILE, FILE_MAX_BYTES, &text, &n_bytes, NULL, err);
	if (r < 0)
		return r;
	json = json_loadb(text, n_bytes, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(json))
		return dv_refuse(err, -EBADMSG, CANDIDATE_FILE " is no JSON");
	r = take_version(json, &candidate, err);
	if (r < 0)
		return r;
	take_integrity(json_object_get(json, "integrity"), &candidate);
	take_deprecated(json_object_get(json, "deprecated"), &candidate);
	candidate.has_bin = json_is_true(json_object_get(json, "has_bin"));
	published_usec = json_integer_value(json_object_get(json, "published_usec"));
	candidate.published_usec = published_usec > 0 ? (int64_t)published_usec : 0;
	*ret_candidate = candidate;
	return 0;
}
