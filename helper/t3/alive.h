/* alive.h - which of many t3 servers answer at all?
 *
 * GET /.well-known/t3/environment, which needs no session; a build without a user interface answers / with 503.
 * Any answer of HTTP below 500 is one. All are asked at once, so that those who hang cost their deadline together and
 * not one after another. Before a byte goes to a port its listener is who it should be (t3/listener.h). Blocks.
 */
#ifndef DEVVM_T3_ALIVE_H
#define DEVVM_T3_ALIVE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

enum alive_answer {
	ALIVE_UNSET, /* our own trouble: it says nothing of them */
	ALIVE_YES,
	ALIVE_REFUSED, /* nobody listens there, or the connection ended without an answer */
	ALIVE_TIMEOUT,
	ALIVE_ERROR,   /* 5xx, or no HTTP */
	ALIVE_FOREIGN, /* somebody else listens there */
};

#define ALIVE_TEXT_BYTES 96

struct alive {
	uint16_t port; /* of 127.0.0.1 */
	uid_t uid;     /* whose it should be */
	enum alive_answer answer;
	char text[ALIVE_TEXT_BYTES]; /* what was wrong: "it answers 500"; "" for ALIVE_YES */
};

/* So many are asked at once; with more of them each such part has a deadline of its own. */
#define ALIVE_AT_ONCE 256

/* Fill in `answer` and `text` of each. Blocks for timeout_ms at most for each ALIVE_AT_ONCE of them. */
void alive_ask(struct alive *servers, size_t n_servers, int64_t timeout_ms);

#endif
