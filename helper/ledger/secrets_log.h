/* secrets_log.h - what is known of each secret: source, version, state; never a value. */
#ifndef DEVVM_LEDGER_SECRETS_LOG_H
#define DEVVM_LEDGER_SECRETS_LOG_H

#include "ledger/ledger.h"

struct secrets_log_row {
	char *name;
	char *source;	     /* in words, without anything secret */
	char *version;	     /* of what was staged last; NULL: nothing ever was */
	int64_t staged_usec; /* 0: never */
	char *error;	     /* why the source gave nothing at the last try; NULL: it did */
};

struct secrets_log {
	struct secrets_log_row *rows; /* sorted by name */
	size_t n_rows;
};

DV_MUST_CHECK int secrets_log_list(struct ledger *ledger, struct secrets_log *ret_log,
				   struct dv_error *err);
/* NULL when there is none. Borrowed. */
const struct secrets_log_row *secrets_log_find(const struct secrets_log *log, const char *name);
void secrets_log_done(struct secrets_log *log);

/* Write a row whole; `row` is only read. */
DV_MUST_CHECK int secrets_log_put(struct ledger *ledger, const struct secrets_log_row *row,
				  struct dv_error *err);
DV_MUST_CHECK int secrets_log_remove(struct ledger *ledger, const char *name, struct dv_error *err);

#define DV_AUTO_SECRETS_LOG DV_CLEANUP(secrets_log_done)

#endif
