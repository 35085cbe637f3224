/* str.c - see str.h. */
#include "base/str.h"

#include <stdio.h>
#include <string.h>

int str_list_add(struct str_list *list, const char *text)
{
	char **grown = list->items;

	/* Grow at powers of two: the table's size says when. */
	if ((list->n_items & (list->n_items - 1)) == 0) {
		size_t n_room = list->n_items ? list->n_items * 2 : 1;

		grown = reallocarray(list->items, n_room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		list->items = grown;
	}
	grown[list->n_items] = strdup(text);
	if (!grown[list->n_items])
		return -ENOMEM;
	list->n_items++;
	return 0;
}

int str_list_add_lines(struct str_list *list, const char *text)
{
	DV_AUTO_FREE char *copy = strdup(text);
	char *rest = copy;
	char *line;

	if (!copy)
		return -ENOMEM;
	while ((line = strsep(&rest, "\n"))) {
		int r = *line ? str_list_add(list, line) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

bool str_list_has(const struct str_list *list, const char *text)
{
	for (size_t i = 0; i < list->n_items; i++) {
		if (strcmp(list->items[i], text) == 0)
			return true;
	}
	return false;
}

static int compare_items(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void str_list_sort(struct str_list *list)
{
	if (list->n_items > 0)
		qsort(list->items, list->n_items, sizeof(*list->items), compare_items);
}

bool str_list_has_sorted(const struct str_list *sorted, const char *text)
{
	return sorted->n_items > 0 && bsearch(&text, sorted->items, sorted->n_items,
					      sizeof(*sorted->items), compare_items) != NULL;
}

char *str_list_join(const struct str_list *list, const char *separator)
{
	size_t n_bytes = 1;
	char *joined, *end;

	for (size_t i = 0; i < list->n_items; i++)
		n_bytes += strlen(list->items[i]) + strlen(separator);
	joined = malloc(n_bytes);
	if (!joined)
		return NULL;
	end = joined;
	for (size_t i = 0; i < list->n_items; i++) {
		if (i > 0)
			end = stpcpy(end, separator);
		end = stpcpy(end, list->items[i]);
	}
	*end = '\0';
	return joined;
}

void str_list_done(struct str_list *list)
{
	for (size_t i = 0; i < list->n_items; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct str_list){ 0 };
}

bool str_is_user_name(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_.-");

	if (n == 0 || n > STR_USER_NAME_MAX || text[n] != '\0')
		return false;
	return (text[0] >= 'a' && text[0] <= 'z') || text[0] == '_';
}

/* How many continuation bytes follow `lead`, and the range the first of them
 * must lie in: the table of RFC 3629, section 4. -1 for a byte that cannot lead more. */
static int utf8_continuations(unsigned char lead, unsigned char *ret_low, unsigned char *ret_high)
{
	*ret_low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
	*ret_high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
	if (lead >= 0xc2 && lead <= 0xdf)
		return 1;
	if (lead >= 0xe0 && lead <= 0xef)
		return 2;
	if (lead >= 0xf0 && lead <= 0xf4)
		return 3;
	return -1;
}

bool str_is_utf8(const char *bytes, size_t n_bytes)
{
	const unsigned char *at = (const unsigned char *)bytes;
	const unsigned char *end = at + n_bytes;

	while (at < end) {
		unsigned char low, high;
		int n;

		if (*at < 0x80) { /* nearly all of nearly every text */
			at++;
			continue;
		}
		n = utf8_continuations(*at++, &low, &high);
		if (n < 0 || end - at < n)
			return false;
		for (; n > 0; n--, at++) {
			if (*at < low || *at > high)
				return false;
			low = 0x80;
			high = 0xbf;
		}
	}
	return true;
}

bool str_has_control(const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (*c < ' ' || *c == 0x7f || (c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f))
			return true;
	}
	return false;
}

int str_to_uint(const char *text, uint64_t max, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		uint64_t digit = (uint64_t)(*text - '0');

		if (*text < '0' || *text > '9' || digit > max || value > (max - digit) / 10)
			return -EINVAL;
		value = value * 10 + digit;
	}
	*ret_value = value;
	return 0;
}

const char *str_show(const char *text, char ret_shown[static STR_SHOW_BYTES])
{
	const size_t n_reserved = sizeof("\\x00") + sizeof("...");
	size_t n = 0;

	for (; *text && n + n_reserved < STR_SHOW_BYTES; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '\n')
			n += (size_t)snprintf(ret_shown + n, 3, "\\n");
		else if (c == '\t')
			n += (size_t)snprintf(ret_shown + n, 3, "\\t");
		else if (c == '\\')
			n += (size_t)snprintf(ret_shown + n, 3, "\\\\");
		else if (c < ' ' || c >= 0x7f)
			n += (size_t)snprintf(ret_shown + n, 5, "\\x%02x", c);
		else
			ret_shown[n++] = (char)c;
	}
	(void)snprintf(ret_shown + n, STR_SHOW_BYTES - n, "%s", *text ? "..." : "");
	return ret_shown;
}

char *str_fill(const char *text, const char *hole, const char *value)
{
	DV_AUTO_FREE char *filled = NULL;
	size_t n_bytes = 0;
	FILE *out = open_memstream(&filled, &n_bytes);
	const char *at;

	if (!out)
		return NULL;
	for (; (at = strstr(text, hole)); text = at + strlen(hole))
		(void)fprintf(out, "%.*s%s", (int)(at - text), text, value);
	(void)fputs(text, out);
	return fclose(out) == 0 ? DV_TAKE_PTR(filled) : NULL;
}

bool str_starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_equal(const char *a, const char *b)
{
	if (!a || !b)
		return a == b;
	return strcmp(a, b) == 0;
}
