/* proc.c - see proc.h. */
#include "base/proc.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\n"
#define ESTABLISHED 1 /* include/net/tcp_states.h */

enum tcp_column {
	TCP_LOCAL = 1,
	TCP_STATE = 3,
	TCP_INODE = 9,
};

/* NULL when there are not that many. */
static const char *find_column(const char *line, size_t column, size_t *ret_n_bytes)
{
	line += strspn(line, BLANKS);
	for (; column > 0; column--) {
		line += strcspn(line, BLANKS);
		line += strspn(line, BLANKS);
	}
	*ret_n_bytes = strcspn(line, BLANKS);
	return *line ? line : NULL;
}

static bool parse_number(const char *text, size_t n_bytes, int base, uint64_t *ret_value)
{
	unsigned long long value;
	char *end;

	if (!isxdigit((unsigned char)*text)) /* strtoull(3) takes a sign and blanks */
		return false;
	errno = 0;
	value = strtoull(text, &end, base);
	if (errno != 0 || end != text + n_bytes)
		return false;
	*ret_value = value;
	return true;
}

bool proc_get_number(const char *line, size_t column, uint64_t *ret_value)
{
	size_t n_bytes = 0;
	const char *text = find_column(line, column, &n_bytes);

	return text && parse_number(text, n_bytes, 10, ret_value);
}

bool proc_parse_tcp(const char *line, struct proc_tcp *ret_row)
{
	struct proc_tcp row = { 0 };
	size_t n_local = 0, n_state = 0;
	const char *local = find_column(line, TCP_LOCAL, &n_local);
	const char *state = find_column(line, TCP_STATE, &n_state);
	const char *colon = local ? memchr(local, ':', n_local) : NULL;
	uint64_t number = 0;

	if (!colon || !state ||
	    !parse_number(colon + 1, (size_t)(local + n_local - colon - 1), 16, &row.port) ||
	    !parse_number(state, n_state, 16, &number))
		return false;
	row.is_established = number == ESTABLISHED;
	(void)proc_get_number(line, TCP_INODE, &row.inode);
	*ret_row = row;
	return true;
}
