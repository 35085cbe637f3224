/* yaml_text.c - see yaml_text.h. */
#include "base/yaml_text.h"

#include <stdint.h>
#include <string.h>

#include "base/str.h"

/* A stretch of characters that a file may not hold, and what a message says of it. */
struct forbidden {
	uint32_t first, last;
	const char *what;
};

/* After "Trojan Source" (CVE-2021-42574) for those that hide what a line does. YAML 1.1
 * breaks a line at U+0085, U+2028 and U+2029, which editors do not show as breaks. */
static const struct forbidden FORBIDDEN[] = {
	{ 0x00, 0x00, "a NUL byte" },
	{ 0x01, 0x08, "a control character" },
	{ 0x0b, 0x0c, "a control character" },
	{ 0x0e, 0x1f, "a control character" },
	{ 0x7f, 0x9f, "a control character" },
	{ 0x2028, 0x2029, "an invisible line separator" },
	{ 0x202a, 0x202e, "an invisible character that changes the writing direction" },
	{ 0x2066, 0x2069, "an invisible character that changes the writing direction" },
	{ 0xfeff, 0xfeff, "a byte order mark inside the text" },
	{ 0xfffe, 0xffff, "a control character" },
};

/* The character at `at` in text known to be UTF-8; steps behind it. */
static uint32_t next_character(const unsigned char **at)
{
	const unsigned char lead = *(*at)++;
	uint32_t character = lead;
	int n = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;

	if (n > 0)
		character = lead & (0x3fu >> n);
	for (; n > 0; n--)
		character = character << 6 | (*(*at)++ & 0x3fu);
	return character;
}

static const char *what_is_wrong_with(uint32_t character)
{
	for (size_t i = 0; i < DV_COUNT(FORBIDDEN); i++) {
		if (character >= FORBIDDEN[i].first && character <= FORBIDDEN[i].last)
			return FORBIDDEN[i].what;
	}
	return NULL;
}

/* `at` begins line `line`. libyaml holds each %TAG against all before it, so a file of
 * them would take it minutes; nobody needs one. */
static int check_line_start(const char *name, const unsigned char *at, const unsigned char *end,
			    unsigned int line, struct dv_error *err)
{
	if (at < end && *at == '%')
		return dv_refuse(err, -EINVAL, "%s:%u: a directive (%%name) is not allowed", name,
				 line);
	return 0;
}

static int check_characters(const char *name, const unsigned char *at, const unsigned char *end,
			    struct dv_error *err)
{
	int r = check_line_start(name, at, end, 1, err);

	for (unsigned int line = 1; r == 0 && at < end;) {
		uint32_t character;
		const char *what;

		if ((*at >= ' ' && *at < 0x7f) || *at == '\t') {
			at++;
			continue;
		}
		if (*at == '\n') {
			r = check_line_start(name, ++at, end, ++line, err);
			continue;
		}
		character = next_character(&at);
		if (character == '\r') {
			if (at == end || *at != '\n')
				return dv_refuse(err, -EINVAL,
						 "%s:%u: a carriage return without a line feed",
						 name, line);
			continue;
		}
		what = what_is_wrong_with(character);
		if (what)
			return dv_refuse(err, -EINVAL, "%s:%u: %s (U+%04X)", name, line, what,
					 (unsigned int)character);
	}
	return r;
}

/* Where text that is not UTF-8 stops being it. No character spans a line feed. */
static unsigned int first_line_that_is_not_utf8(const char *text, size_t n_bytes)
{
	const char *end = text + n_bytes;

	for (unsigned int line = 1;; line++) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));

		if (!newline || !str_is_utf8(text, (size_t)(newline - text)))
			return line;
		text = newline + 1;
	}
}

int yaml_text_check(const char *name, const char *text, size_t n_bytes, struct dv_error *err)
{
	const unsigned char *bytes = (const unsigned char *)text;

	if (!str_is_utf8(text, n_bytes))
		return dv_refuse(err, -EINVAL, "%s:%u: not UTF-8", name,
				 first_line_that_is_not_utf8(text, n_bytes));
	return check_characters(name, bytes, bytes + n_bytes, err);
}

bool yaml_text_is_tab_indented(const char *text, size_t n_bytes, unsigned int line)
{
	const char *end = text + n_bytes;

	for (; line > 1; line--) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));

		if (!newline)
			return false;
		text = newline + 1;
	}
	while (text < end && *text == ' ')
		text++;
	return text < end && *text == '\t';
}
