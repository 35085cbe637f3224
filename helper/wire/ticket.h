/* ticket.h - the file that makes a login a file read.
 *
 * /run/devvm/tickets/NAME holds the `KEY=VALUE` lines that the person's session
 * environment gets. The reconcile writes it, pam_devvm reads it, and this is the
 * one codec of both. Its modification time says when its person last logged in: the
 * reconcile leaves it at the epoch, pam_devvm sets it to now, and devvm-helperd sees
 * that. Keys are [A-Z_][A-Z0-9_]*; a value has no control character;
 * the first line names the format. A ticket is believed only whole: one bad line
 * and there is no ticket.
 */
#ifndef DEVVM_WIRE_TICKET_H
#define DEVVM_WIRE_TICKET_H

#include <stdbool.h>

#include "base/error.h"

#define TICKET_MAX_BYTES 8192
#define TICKET_MAX_LINES 32
#define TICKET_HEADER "#devvm-ticket 1"

/* The `KEY=VALUE` lines of a ticket, borrowed from the buffer it was parsed in. */
struct ticket {
	const char *lines[TICKET_MAX_LINES];
	size_t n_lines;
};

/* Cut `text` (NUL-terminated, changed in place) into lines. -EBADMSG with a
 * sentence that never quotes a value. */
DV_MUST_CHECK int ticket_parse(struct ticket *ticket, char *text, struct dv_error *err);

/* Whether `name` and `value` may stand in a ticket. */
bool ticket_accepts(const char *name, const char *value);

#endif
