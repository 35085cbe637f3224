/* str.h - small text helpers that libc lacks. No locale, no allocation unless said. */
#ifndef DEVVM_BASE_STR_H
#define DEVVM_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define STR_USER_NAME_MAX 32 /* useradd(8) */

/* A list of strings, owned. Zero-initialise; release with str_list_done(). */
struct str_list {
	char **items;
	size_t n_items;
};

/* Append a copy of `text`. -ENOMEM when memory is short. */
DV_MUST_CHECK int str_list_add(struct str_list *list, const char *text);
/* Append one string per line of `text` (LF-separated, empty lines skipped). */
DV_MUST_CHECK int str_list_add_lines(struct str_list *list, const char *text);
bool str_list_has(const struct str_list *list, const char *text);
void str_list_sort(struct str_list *list);
/* The same as str_list_has() of a list that was sorted, for long ones. */
bool str_list_has_sorted(const struct str_list *sorted, const char *text);
/* The items joined by `separator`, newly allocated; NULL when memory is short. */
char *str_list_join(const struct str_list *list, const char *separator);
void str_list_done(struct str_list *list);

/* A POSIX user name as this project accepts it: [a-z_][a-z0-9_.-]*, at most 32
 * bytes, so it is safe as a file name, in a unit name and on a command line. */
bool str_is_user_name(const char *text);

/* Valid UTF-8 (RFC 3629: no overlong form, no surrogate, at most U+10FFFF). */
bool str_is_utf8(const char *bytes, size_t n_bytes);

/* Whether UTF-8 text holds a control character: C0, DEL, or C1 (U+0080 to U+009F, which
 * steer a terminal as ESC does). */
bool str_has_control(const char *text);

/* A whole decimal number of digits alone, at most `max`. -EINVAL otherwise. */
DV_MUST_CHECK int str_to_uint(const char *text, uint64_t max, uint64_t *ret_value);

/* `text` in a form that is safe inside a one-line message: printable ASCII as it is,
 * everything else escaped (\n, \t, \\, \xNN), and what is too long cut with "...". Writes
 * into `ret_shown` and returns it. */
#define STR_SHOW_BYTES 64
const char *str_show(const char *text, char ret_shown[static STR_SHOW_BYTES]);

/* A copy of `text` with each `hole` replaced by `value`; owned by the caller, NULL when memory is short. */
char *str_fill(const char *text, const char *hole, const char *value);

bool str_starts_with(const char *text, const char *prefix);
bool str_equal(const char *a, const char *b); /* NULL equals NULL alone */

#define DV_AUTO_STR_LIST DV_CLEANUP(str_list_done)

#endif
