/* line.h - one connection to a person's server that stays: made, asked over, heard, and at rest again.
 *
 * Model: embedded by whoever keeps it (keeper.h), on the loop, nothing blocks. A line is one uid's and one port's
 * for good, and is made for a question: is a session alive? `on_end` is called with what came of it, and must
 * let the line rest or close it. One at rest may be asked again. Whose turn it is, how many there may be and how long
 * is the keeper's; no clock in here.
 *
 * Invariants: a connection belongs to whoever accepted it. Before one is made, and again before the first byte
 * goes over it, the kernel is asked whether the listener is the person's (t3/listener.h). An answer has a
 * maximum; only one that was whole, and is of a server that goes on, leaves a line that can rest. Cookies and
 * answers are wiped, never logged.
 */
#ifndef DEVVM_DISPATCH_LINE_H
#define DEVVM_DISPATCH_LINE_H

#include <systemd/sd-event.h>

#include "dispatch/answer.h"
#include "dispatch/pair.h"

#define LINE_ANSWER_BYTES 32768

/* Zero-initialise and name both callbacks, which are called from the loop and may free it. */
struct line {
	/* 0 with a session (UNSET: an answer that is not known), or -errno with a sentence. */
	void (*on_end)(struct line *line, int r, enum t3_session session,
		       const struct dv_error *err);
	/* At rest it ended, or spoke unasked: close it. */
	void (*on_lost)(struct line *line);

	uid_t uid;
	uint16_t port;
	int fd;
	sd_event_source *io;
	const struct pair_target *target; /* of the question; NULL: it is at rest */
	const char *cookies;
	bool is_connecting, is_used;
	struct answer answer;
	size_t n_in;
	char in[LINE_ANSWER_BYTES];
};

/* Make the connection and ask /api/auth/session over it. `target` and `cookies`, a Cookie header's value, are
 * borrowed until the answer. Nothing is held after a failure. */
DV_MUST_CHECK int line_open(struct line *line, sd_event *event, const struct pair_target *target,
			    const char *cookies, struct dv_error *err);
/* Ask again, over one at rest. After a failure it is of no more use: close it. */
DV_MUST_CHECK int line_ask(struct line *line, const struct pair_target *target, const char *cookies,
			   struct dv_error *err);
/* After a whole answer. False: the server has ended it; close it. */
DV_MUST_CHECK bool line_rest(struct line *line);
void line_close(struct line *line);

bool line_is_of(const struct line *line, const struct pair_target *target);
/* At rest: as it was left, nothing came and nobody closed it. */
bool line_is_silent(const struct line *line);
/* It was used before, and not a byte came of the answer to the last question: the server may have closed it
 * before it heard that. */
bool line_is_stale(const struct line *line);

#endif
