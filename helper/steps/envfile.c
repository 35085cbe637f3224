/* envfile.c - see envfile.h. */
#include "steps/envfile.h"

#include <string.h>

#include "base/file.h"
#include "base/str.h"

#define ENVFILE_MAX_BYTES 65536
#define ENVFILE_MODE 0600

static bool is_line_of(const char *line, const char *key, size_t n_key)
{
	return strncmp(line, key, n_key) == 0 && line[n_key] == '=';
}

/* The line `key=` of `text` up to its end; NULL when there is none. The last one counts,
 * as it does for systemd (EnvironmentFile=, systemd.exec(5)). */
static const char *find_line(const char *text, const char *key, size_t *ret_n_bytes)
{
	size_t n_key = strlen(key);
	const char *found = NULL;

	for (const char *line = text; *line;) {
		const char *end = strchrnul(line, '\n');

		if (is_line_of(line, key, n_key)) {
			found = line;
			*ret_n_bytes = (size_t)(end - line);
		}
		line = *end ? end + 1 : end;
	}
	return found;
}

/* What is not there is read as no text. */
static int read_file(struct envfile *file, const struct env *env, const char *path,
		     struct dv_error *err)
{
	struct secret *text = &file->text;
	struct stat st = { 0 };
	int r;

	if (file->is_read)
		return 0;
	r = file_read(env->root_dirfd, path, ENVFILE_MAX_BYTES, &text->text, &text->n_bytes, &st,
		      err);
	/* What follows works on text: the lines behind a NUL would be lost. */
	if (r == 0 && strlen(text->text) != text->n_bytes)
		r = dv_refuse(err, -EINVAL, "%s holds a NUL byte", path);
	if (r < 0 && r != -ENOENT) {
		envfile_done(file);
		return r;
	}
	file->is_read = true;
	file->is_private = r == 0 && st.st_uid == getuid() && (st.st_mode & 07777) == ENVFILE_MODE;
	return 0;
}

void envfile_done(struct envfile *file)
{
	secret_done(&file->text);
	*file = (struct envfile){ 0 };
}

int envfile_get(const struct env *env, struct envfile *kept, const char *path, const char *key,
		struct secret *ret_value, struct dv_error *err)
{
	DV_AUTO_ENVFILE struct envfile own = { 0 };
	struct envfile *file = kept ? kept : &own;
	const char *line;
	size_t n_bytes = 0;
	int r = read_file(file, env, path, err);

	if (r < 0)
		return r;
	line = file->text.text ? find_line(file->text.text, key, &n_bytes) : NULL;
	if (!line)
		return 0;
	line += strlen(key) + 1;
	n_bytes -= strlen(key) + 1;
	ret_value->text = strndup(line, n_bytes);
	if (!ret_value->text)
		return dv_fail(err, -ENOMEM, "read %s", path);
	ret_value->n_bytes = n_bytes;
	return 0;
}

/* Whether the line that counts is `key=value`, or with NULL that there is none. */
static bool says(const struct secret *text, const char *key, const char *value)
{
	size_t n_bytes = 0;
	const char *line = text->text ? find_line(text->text, key, &n_bytes) : NULL;

	if (!line || !value)
		return !line && !value;
	return n_bytes == strlen(key) + 1 + strlen(value) &&
	       memcmp(line + strlen(key) + 1, value, strlen(value)) == 0;
}

int envfile_says(const struct env *env, struct envfile *kept, const char *path, const char *key,
		 const char *value, bool *ret_says, struct dv_error *err)
{
	DV_AUTO_ENVFILE struct envfile own = { 0 };
	struct envfile *file = kept ? kept : &own;
	int r = read_file(file, env, path, err);

	if (r < 0)
		return r;
	*ret_says = file->is_private && says(&file->text, key, value);
	return 0;
}

/* Into a buffer that has room; returns the end. */
static char *put_line(char *end, const char *key, const char *value)
{
	return stpcpy(stpcpy(stpcpy(stpcpy(end, key), "="), value), "\n");
}

/* `text` with the line that counts replaced by `key=value`, or without it (NULL). Others of
 * the same key go; all else stays as it is. A line that was not there comes last. */
static int rewrite(const char *text, const char *key, const char *value, struct secret *ret_text)
{
	size_t n_key = strlen(key);
	size_t n_room = strlen(text) + n_key + (value ? strlen(value) : 0) + 4;
	size_t n_place = 0;
	const char *place = find_line(text, key, &n_place);
	char *out = malloc(n_room);
	char *end = out;

	if (!out)
		return -ENOMEM;
	for (const char *line = text; *line;) {
		const char *newline = strchrnul(line, '\n');
		const char *next = *newline ? newline + 1 : newline;

		if (line == place && value)
			end = put_line(end, key, value);
		else if (!is_line_of(line, key, n_key))
			end = mempcpy(end, line, (size_t)(next - line));
		line = next;
	}
	if (!place && end > out && end[-1] != '\n' && value)
		*end++ = '\n';
	if (!place && value)
		end = put_line(end, key, value);
	*end = '\0';
	ret_text->text = out;
	ret_text->n_bytes = (size_t)(end - out);
	return 0;
}

int envfile_set(const struct env *env, const char *path, const char *key, const char *value,
		struct dv_error *err)
{
	DV_AUTO_ENVFILE struct envfile before = { 0 };
	DV_AUTO_SECRET struct secret after = { 0 };
	int r = read_file(&before, env, path, err);

	if (r < 0)
		return r;
	if (value && strpbrk(value, "\r\n"))
		return dv_refuse(err, -EINVAL, "%s for %s is more than one line", key, path);
	if (says(&before.text, key, value) && (before.is_private || !before.text.text))
		return 0;
	r = rewrite(before.text.text ? before.text.text : "", key, value, &after);
	if (r < 0)
		return dv_fail(err, r, "write %s", path);
	return file_replace(env->root_dirfd, path,
			    &(struct file_spec){ .data = after.text,
						 .n_bytes = after.n_bytes,
						 .mode = ENVFILE_MODE,
						 .uid = getuid(),
						 .gid = getgid() },
			    err);
}
