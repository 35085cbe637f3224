/* ticket.c - see ticket.h. */
#include "wire/ticket.h"

#include <string.h>

#include "base/str.h"

static bool is_variable_name(const char *text, size_t n)
{
	static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_";
	static const char rest[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

	return n > 0 && strchr(first, text[0]) && strspn(text, rest) >= n;
}

bool ticket_accepts(const char *name, const char *value)
{
	return is_variable_name(name, strlen(name)) && !str_has_control(value);
}

int ticket_parse(struct ticket *ticket, char *text, struct dv_error *err)
{
	char *rest = text;
	char *line = strsep(&rest, "\n");

	ticket->n_lines = 0;
	if (strcmp(line, TICKET_HEADER) != 0)
		return dv_refuse(err, -EBADMSG, "the first line is not %s", TICKET_HEADER);
	while ((line = strsep(&rest, "\n"))) {
		const char *equals = strchr(line, '=');

		if (!*line && !rest)
			break; /* behind the last newline */
		if (!equals || !is_variable_name(line, (size_t)(equals - line)) ||
		    str_has_control(equals + 1))
			return dv_refuse(err, -EBADMSG, "line %zu is not KEY=VALUE",
					 ticket->n_lines + 2);
		if (ticket->n_lines == TICKET_MAX_LINES)
			return dv_refuse(err, -EBADMSG, "more than %d lines", TICKET_MAX_LINES);
		ticket->lines[ticket->n_lines++] = line;
	}
	return 0;
}
