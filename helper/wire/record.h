/* record.h - the text of one packet.
 *
 * A record is a verb line, then `key=value` lines, LF-separated UTF-8, at most
 * RECORD_MAX_BYTES, with no NUL, no other control character and no key twice. One
 * SOCK_SEQPACKET packet is one record (docs/PROTOCOL.md). Both directions and every
 * program of the project use this one codec. No heap: a reader keeps its record in
 * one struct, so that the PAM module can hold it on the stack.
 */
#ifndef DEVVM_WIRE_RECORD_H
#define DEVVM_WIRE_RECORD_H

#include <stdint.h>

#include "base/error.h"

#define RECORD_MAX_BYTES 8192
#define RECORD_MAX_FIELDS 32
#define RECORD_KEY_MAX 32 /* bytes: [a-z][a-z0-9_-]* */

struct record_field {
	const char *key;
	const char *value;
};

/* A parsed record. Everything points into `buffer`: do not copy the struct. */
struct record {
	char buffer[RECORD_MAX_BYTES + 1];
	const char *verb;
	struct record_field fields[RECORD_MAX_FIELDS];
	size_t n_fields;
};

/* Parse a packet. -EBADMSG, with a sentence in `err`, for anything that is not a
 * record. `bytes` is copied; it may be the record's own buffer. */
DV_MUST_CHECK int record_parse(struct record *record, const void *bytes, size_t n_bytes,
			       struct dv_error *err);

/* The value of `key`, borrowed from the record; NULL when it is not there. */
const char *record_get(const struct record *record, const char *key);

/* A record being written. Errors stick: record_finish() tells. */
struct record_writer {
	char buffer[RECORD_MAX_BYTES];
	size_t n_bytes;
	int failure;
};

/* Start over with this verb. */
void record_begin(struct record_writer *writer, const char *verb);
/* Add a field. NULL values are left out, so optional keys need no `if`. */
void record_add(struct record_writer *writer, const char *key, const char *value);
void record_add_int(struct record_writer *writer, const char *key, int64_t value);
/* Add a sentence: control characters and broken UTF-8 become '?', and what is
 * longer than `RECORD_TEXT_MAX` is cut, so that no message can break the record. */
#define RECORD_TEXT_MAX 1024
void record_add_text(struct record_writer *writer, const char *key, const char *text);
/* 0, -EINVAL (a bad key or value) or -EMSGSIZE. */
DV_MUST_CHECK int record_finish(const struct record_writer *writer);

#endif
