/* fcgi.h - the FastCGI that nginx speaks to a responder, and no more of it.
 *
 * Model: bytes go into fcgi_feed() until it has a whole request; its parameters are then read with
 * fcgi_get(), and its answer is made by fcgi_answer(). Requests come one after another on a
 * connection (nginx does not multiplex), bodies are dropped, and everything has a bound: whoever sends
 * more, or anything that nginx does not send, gets -EBADMSG and is to be closed. No clock and no
 * descriptor in here. Source: the FastCGI Specification 1.0.
 */
#ifndef DEVVM_DISPATCH_FCGI_H
#define DEVVM_DISPATCH_FCGI_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define FCGI_MAX_PARAMS_BYTES 65536
#define FCGI_MAX_PARAMS 256
#define FCGI_MAX_BODY_BYTES 65536 /* of a body that is dropped */

struct fcgi_param {
	const char *name;
	const char *value;
};

/* Zero-initialise; release with fcgi_done(). Between requests only `keeps` is kept. */
struct fcgi {
	uint8_t header[8];
	size_t n_header;
	size_t n_content, n_padding; /* of the record under way, that are still to come */
	uint16_t id;		     /* of the request under way, 0: none */
	bool keeps;		     /* the peer wants the connection to stay */
	bool params_end;
	uint8_t *bytes; /* what came: lengths, names, values */
	size_t n_bytes;
	size_t n_body;
	uint8_t begin[8];
	size_t n_begin;
	char *text; /* the parameters as strings */
	struct fcgi_param params[FCGI_MAX_PARAMS];
	size_t n_params;
};

/* Take bytes. 1: a request is whole (the rest of the bytes, from `*ret_n_used`, belongs to the next); 0:
 * more is to come; -EBADMSG with a sentence, -ENOMEM. */
DV_MUST_CHECK int fcgi_feed(struct fcgi *fcgi, const void *bytes, size_t n_bytes,
			    size_t *ret_n_used, struct dv_error *err);

/* The value of a parameter of the whole request, borrowed; NULL where there is none. */
const char *fcgi_get(const struct fcgi *fcgi, const char *name);
/* How often it is there. */
size_t fcgi_count(const struct fcgi *fcgi, const char *name);

/* The records that carry `n_bytes` of an answer (headers, an empty line, a body) and end the request,
 * newly allocated. -ENOMEM. */
DV_MUST_CHECK int fcgi_answer(const struct fcgi *fcgi, const char *bytes, size_t n_bytes,
			      uint8_t **ret_records, size_t *ret_n_records);

/* Ready for the next request. */
void fcgi_next(struct fcgi *fcgi);
void fcgi_done(struct fcgi *fcgi);

#endif
