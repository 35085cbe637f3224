/* mirror_result.c - see mirror_result.h. */
#include "steps/mirror_result.h"

#include <fcntl.h>
#include <jansson.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"

#define MAX_BYTES 4096
#define PATH_BYTES 128

static void json_release(json_t **json)
{
	json_decref(*json);
}

#define AT(member) offsetof(struct mirror_result, member)
static const struct {
	const char *key;
	size_t offset;
} NUMBERS[] = {
	{ "started", AT(started_usec) }, { "ended", AT(ended_usec) }, { "checked", AT(checked) },
	{ "copied", AT(copied) },	 { "deleted", AT(deleted) },  { "errors", AT(errors) },
	{ "bytes", AT(bytes) },
};

int mirror_result_write(int folder_fd, const struct mirror_result *result, struct dv_error *err)
{
	DV_CLEANUP(json_release)
	json_t *json = json_pack("{s:s, s:s}", "state", mirrors_log_word(result->state), "text",
				 result->text);
	DV_AUTO_FREE char *text = NULL;

	for (size_t i = 0; json && i < DV_COUNT(NUMBERS); i++) {
		const int64_t *number = (const int64_t *)((const char *)result + NUMBERS[i].offset);

		if (json_object_set_new(json, NUMBERS[i].key, json_integer(*number)) < 0)
			return dv_fail(err, -ENOMEM, "write the result");
	}
	text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	if (!text)
		return dv_fail(err, -ENOMEM, "write the result");
	return file_replace(folder_fd, MIRROR_RESULT,
			    &(struct file_spec){ .data = text,
						 .n_bytes = strlen(text),
						 .mode = 0644,
						 .uid = (uid_t)-1,
						 .gid = (gid_t)-1 },
			    err);
}

static int take(const json_t *json, struct mirror_result *ret_result, struct dv_error *err)
{
	const char *text = json_string_value(json_object_get(json, "text"));
	struct mirror_result result = {
		.state = mirrors_log_state_of(json_string_value(json_object_get(json, "state"))),
	};

	for (size_t i = 0; i < DV_COUNT(NUMBERS); i++) {
		const json_t *number = json_object_get(json, NUMBERS[i].key);

		if (!json_is_integer(number) || json_integer_value(number) < 0)
			return dv_refuse(err, -EBADMSG, "its result has no number %s",
					 NUMBERS[i].key);
		*(int64_t *)((char *)&result + NUMBERS[i].offset) = json_integer_value(number);
	}
	if (result.state == MIRRORS_LOG_UNSET || !text || str_has_control(text) ||
	    result.ended_usec < result.started_usec)
		return dv_refuse(err, -EBADMSG, "its result says nothing that is a result");
	(void)snprintf(result.text, sizeof(result.text), "%.400s", text);
	*ret_result = result;
	return 0;
}

int mirror_result_read(const struct env *env, const char *name, struct mirror_result *ret_result,
		       struct dv_error *err)
{
	DV_CLEANUP(json_release) json_t *json = NULL;
	DV_AUTO_CLOSE int fd = -1;
	DV_AUTO_FREE char *text = NULL;
	char path[PATH_BYTES];
	size_t n_bytes = 0;
	int r;

	(void)snprintf(path, sizeof(path), MIRROR_STATE_FOLDER "/%s/" MIRROR_RESULT, name);
	fd = file_open_beneath(env->root_dirfd, path, O_RDONLY, 0, err);
	if (fd < 0)
		return fd;
	r = file_read_fd(fd, path, MAX_BYTES, &text, &n_bytes, NULL, err);
	if (r < 0)
		return r;
	/* jansson takes UTF-8 alone, and no NUL in a string. */
	json = json_loadb(text, n_bytes, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(json))
		return dv_refuse(err, -EBADMSG, "its result is no JSON object");
	return take(json, ret_result, err);
}
