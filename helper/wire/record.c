/* record.c - see record.h. */
#include "wire/record.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/str.h"

static bool is_key(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return n > 0 && n <= RECORD_KEY_MAX && text[n] == '\0' && text[0] >= 'a' && text[0] <= 'z';
}

static int parse_field(struct record *record, char *line, struct dv_error *err)
{
	char *equals = strchr(line, '=');

	if (!equals)
		return dv_refuse(err, -EBADMSG, "line %zu has no '='", record->n_fields + 2);
	*equals = '\0';
	if (!is_key(line))
		return dv_refuse(err, -EBADMSG, "line %zu has no valid key", record->n_fields + 2);
	if (record_get(record, line))
		return dv_refuse(err, -EBADMSG, "key %s is there twice", line);
	if (record->n_fields == RECORD_MAX_FIELDS)
		return dv_refuse(err, -EBADMSG, "more than %d fields", RECORD_MAX_FIELDS);
	if (str_has_control(equals + 1))
		return dv_refuse(err, -EBADMSG, "the value of %s has a control character", line);
	record->fields[record->n_fields++] =
		(struct record_field){ .key = line, .value = equals + 1 };
	return 0;
}

int record_parse(struct record *record, const void *bytes, size_t n_bytes, struct dv_error *err)
{
	char *rest = record->buffer;
	char *line;

	record->verb = "";
	record->n_fields = 0;
	if (n_bytes == 0)
		return dv_refuse(err, -EBADMSG, "the record is empty");
	if (n_bytes > RECORD_MAX_BYTES)
		return dv_refuse(err, -EBADMSG, "the record is longer than %d bytes",
				 RECORD_MAX_BYTES);
	memmove(record->buffer, bytes, n_bytes);
	record->buffer[n_bytes] = '\0';
	if (memchr(record->buffer, '\0', n_bytes))
		return dv_refuse(err, -EBADMSG, "the record has a NUL byte");
	if (!str_is_utf8(record->buffer, n_bytes))
		return dv_refuse(err, -EBADMSG, "the record is not UTF-8");
	if (record->buffer[n_bytes - 1] == '\n')
		record->buffer[n_bytes - 1] = '\0';
	line = strsep(&rest, "\n");
	if (!is_key(line))
		return dv_refuse(err, -EBADMSG, "the first line is no verb");
	record->verb = line;
	while ((line = strsep(&rest, "\n"))) {
		int r = parse_field(record, line, err);

		if (r < 0)
			return r;
	}
	return 0;
}

const char *record_get(const struct record *record, const char *key)
{
	for (size_t i = 0; i < record->n_fields; i++) {
		if (strcmp(record->fields[i].key, key) == 0)
			return record->fields[i].value;
	}
	return NULL;
}

static void append(struct record_writer *writer, const char *text)
{
	size_t n = strlen(text);

	if (n > sizeof(writer->buffer) - writer->n_bytes) {
		writer->failure = -EMSGSIZE;
		return;
	}
	memcpy(writer->buffer + writer->n_bytes, text, n);
	writer->n_bytes += n;
}

void record_begin(struct record_writer *writer, const char *verb)
{
	writer->n_bytes = 0;
	writer->failure = is_key(verb) ? 0 : -EINVAL;
	append(writer, verb);
	append(writer, "\n");
}

void record_add(struct record_writer *writer, const char *key, const char *value)
{
	if (!value)
		return;
	if (!is_key(key) || str_has_control(value) || !str_is_utf8(value, strlen(value))) {
		writer->failure = -EINVAL;
		return;
	}
	append(writer, key);
	append(writer, "=");
	append(writer, value);
	append(writer, "\n");
}

void record_add_int(struct record_writer *writer, const char *key, int64_t value)
{
	char digits[24];

	(void)snprintf(digits, sizeof(digits), "%" PRId64, value);
	record_add(writer, key, digits);
}

static bool is_continuation(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

/* Each byte of a control character becomes '?', see str_has_control(). */
static void replace_controls(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++) {
		if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f)
			c[0] = c[1] = '?';
		else if (*c < ' ' || *c == 0x7f)
			*c = '?';
	}
}

void record_add_text(struct record_writer *writer, const char *key, const char *text)
{
	char clean[RECORD_TEXT_MAX + 1];
	size_t n;

	if (!text)
		return;
	n = strnlen(text, RECORD_TEXT_MAX);
	/* Do not cut a character in two; none has more than three continuation bytes. */
	for (size_t least = n > 3 ? n - 3 : 0; n > least && is_continuation(text[n]);)
		n--;
	memcpy(clean, text, n);
	clean[n] = '\0';
	replace_controls(clean);
	if (!str_is_utf8(clean, n)) {
		for (size_t i = 0; i < n; i++) {
			if ((unsigned char)clean[i] >= 0x80)
				clean[i] = '?';
		}
	}
	record_add(writer, key, clean);
}

int record_finish(const struct record_writer *writer)
{
	return writer->failure;
}
