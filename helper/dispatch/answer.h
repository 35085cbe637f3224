/* answer.h - an HTTP/1.1 answer of a person's server, read as it comes.
 *
 * Model: who receives puts the bytes into one buffer and calls answer_read() after each piece; the body is made
 * whole in place. The server is its person's own program and may send anything: whatever is not an answer of
 * one known length, of an end of its chunks or of its connection, is refused, and each byte is looked at
 * a few times at most, however small the pieces are. No clock and no descriptor in here. Source: RFC 9112.
 */
#ifndef DEVVM_DISPATCH_ANSWER_H
#define DEVVM_DISPATCH_ANSWER_H

#include <stdbool.h>

#include "base/error.h"

/* Zero-initialise before each answer. */
struct answer {
	unsigned int status;
	bool keeps;	/* the connection may carry another: nothing came behind this one */
	size_t at_body; /* where in the buffer the body begins */
	size_t n_body;

	size_t n_head; /* 0: its head is not whole yet */
	size_t n_seen; /* of the head, looked at */
	bool has_length, is_chunked;
	size_t n_length;
	size_t at_chunk; /* where the next one begins */
};

/* All `n_bytes` that have come; `is_end`: no more will. 1: the answer is whole; 0: more is to come; -EBADMSG
 * with a sentence, also when it ended too early. */
DV_MUST_CHECK int answer_read(struct answer *answer, char *bytes, size_t n_bytes, bool is_end,
			      struct dv_error *err);

#endif
