/* fetch.h - one file or one answer over HTTP, with limits on everything.
 *
 * Model: a request is described by a struct, asked once, and ends by an absolute deadline.
 * A file is downloaded into a temporary beside its place, held against a length and a digest,
 * fsynced and renamed; whatever goes wrong, nothing is left behind. There is no retry here:
 * who asks has one (a step's backoff).
 *
 * Invariants: only the protocols the caller names, and a redirect never leads to file:// nor
 * from https to http. Request headers are secrets: they are wiped, never logged, and a request
 * that has some follows no redirect (libcurl would send all but Authorization on to the new
 * host); the caller gets the 3xx and its Location and decides. A URL is shown without user,
 * password and query.
 *
 * libcurl does it (https://curl.se/libcurl/c/, 7.85 or newer). Blocks; for jobs, not for the
 * daemon.
 */
#ifndef DEVVM_FETCH_FETCH_H
#define DEVVM_FETCH_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/secret.h"
#include "base/str.h"

enum fetch_protocol {
	FETCH_HTTP = 1,
	FETCH_HTTPS = 2,
	FETCH_FILE = 4, /* file:///absolute; an answer has the status 200 then */
};

struct fetch_request {
	const char *url;
	unsigned int protocols; /* enum fetch_protocol, or-ed */
	uint64_t max_bytes;	/* of the body; 0 is refused */
	int64_t deadline_ms;	/* absolute, see clock.h */

	/* What follows may be left 0. */
	int64_t connect_ms;	      /* 0: 10 s */
	unsigned int low_speed_bytes; /* slower than this a second for low_speed_s: given up */
	unsigned int low_speed_s;     /* 0: 1000 bytes a second for 30 s */
	unsigned int max_redirects;   /* none with headers, whatever this says */
	const char *ca_file;	      /* PEM; NULL: the machine's */
	const struct secret *headers; /* whole lines, "Name: value" */
	size_t n_headers;
	const struct secret *post; /* a body to POST as JSON; NULL: GET */
	const char *unix_socket;   /* who is asked, whatever host the URL names; NULL: that host */
};

/* Where a file goes. `dirfd` is the folder, `name` has no '/'. What is there is replaced. */
struct fetch_target {
	int dirfd;
	const char *name;
	mode_t mode;
	const char *sha256; /* lower-case hex; NULL: any */
};

/* 0 when the whole file is there. -ENODATA: HTTP status that is no 200; -EFBIG, -EBADMSG
 * (another digest), -ETIMEDOUT, -EIO and others; the sentence says which URL and what. */
DV_MUST_CHECK int fetch_file(const struct fetch_request *request, const struct fetch_target *target,
			     struct dv_error *err);

struct fetch_answer {
	unsigned int status;	 /* of HTTP */
	struct secret body;	 /* NUL-terminated behind its last byte */
	struct str_list headers; /* "Name: value", of the last answer */
};

/* An answer of any status in memory; -errno when there was none. */
DV_MUST_CHECK int fetch_memory(const struct fetch_request *request, struct fetch_answer *ret_answer,
			       struct dv_error *err);
/* The value of the first header of that name (in any case), or NULL. Borrowed. */
const char *fetch_header(const struct fetch_answer *answer, const char *name);
void fetch_answer_done(struct fetch_answer *answer);

/* The URL as it may stand in a log: without user, password, query and fragment. */
#define FETCH_SHOWN_BYTES 200
const char *fetch_show_url(const char *url, char ret_shown[static FETCH_SHOWN_BYTES]);

#define DV_AUTO_FETCH_ANSWER DV_CLEANUP(fetch_answer_done)

#endif
