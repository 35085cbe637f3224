/* error.h - one sentence that travels up.
 *
 * A function that touches the outside world takes `struct dv_error *err` last.
 * The place that fails writes the sentence, each layer above may put one prefix
 * in front, and whoever decides what happens next logs it once. The same words
 * reach the journal, the ledger and the terminal. `err` may be NULL where the
 * caller does not want the words.
 */
#ifndef DEVVM_BASE_ERROR_H
#define DEVVM_BASE_ERROR_H

#include "base/cleanup.h"

#define ERROR_MAX_BYTES 512

struct dv_error {
	char text[ERROR_MAX_BYTES]; /* NUL-terminated, one line, "" when nothing failed */
};

/* Write "what: strerror(-r)" and return r (a negative errno). */
int dv_fail(struct dv_error *err, int r, const char *format, ...) DV_PRINTF(3, 4);

/* Write the sentence alone and return r (a negative errno): for refusals whose
 * errno would say nothing that the sentence does not. */
int dv_refuse(struct dv_error *err, int r, const char *format, ...) DV_PRINTF(3, 4);

/* Put "prefix: " in front of what is there and return r. */
int dv_prefix(struct dv_error *err, int r, const char *format, ...) DV_PRINTF(3, 4);

#endif
