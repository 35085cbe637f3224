/* result.h - what one run of the gate on one database found, and how it travels.
 *
 * The gate writes one JSON object, root reads it. Root believes numbers within bounds, words of the tables
 * here, and a sentence of printable ASCII; anything else is no result, which is GATE_ERROR and never a
 * reason to call a build bad.
 */
#ifndef DEVVM_GATE_RESULT_H
#define DEVVM_GATE_RESULT_H

#include <stdint.h>

#include "base/error.h"
#include "gate/verdict.h"

/* In their order. */
enum gate_check {
	GATE_CHECK_NONE, /* all passed */
	GATE_CHECK_SEED,
	GATE_CHECK_START,
	GATE_CHECK_PORT,
	GATE_CHECK_PAIR,
	GATE_CHECK_SOCKET,
	GATE_CHECK_STOP,
	GATE_CHECK_MIGRATION,
	GATE_CHECK_AGAIN,
	GATE_CHECK_EMPTY,
	GATE_N_CHECKS,
};

#define GATE_TEXT_BYTES 256
#define GATE_RESULT_MAX 4096 /* of the JSON */

struct gate_result {
	enum gate_outcome outcome;
	enum gate_check check; /* which one did not pass */
	char text[GATE_TEXT_BYTES];
	uint32_t start_ms; /* of the first start, 0 where it never answered */
	uint32_t total_ms;
	uint32_t memory_kib; /* the most that its server had resident */
	uint32_t from, to;   /* migration levels, 0 where none was read */
	uint32_t n_left;     /* processes that outlived their server */
};

const char *gate_check_name(enum gate_check check);

/* Put a sentence in, with all but printable ASCII replaced. */
void gate_result_say(struct gate_result *result, enum gate_outcome outcome, enum gate_check check,
		     const char *text);

/* Newly allocated, one line; NULL when memory is short. */
char *gate_result_format(const struct gate_result *result);

/* -EBADMSG with what is wrong; *ret_result is untouched then. */
DV_MUST_CHECK int gate_result_parse(const char *text, size_t n_bytes,
				    struct gate_result *ret_result, struct dv_error *err);

#endif
