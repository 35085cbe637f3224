/* tools_log.h - which tools are installed, and what each is held against. */
#ifndef DEVVM_LEDGER_TOOLS_LOG_H
#define DEVVM_LEDGER_TOOLS_LOG_H

#include "ledger/ledger.h"

struct tools_log_row {
	char *name;
	char *version;
	char *pin;    /* what was asked for: digest and kind, in words; see steps/tools.c */
	char *digest; /* of the tree as it was installed */
	char *links;  /* lines of absolute paths that were made for it; "" for none */
};

struct tools_log {
	struct tools_log_row *rows; /* sorted by name */
	size_t n_rows;
};

DV_MUST_CHECK int tools_log_list(struct ledger *ledger, struct tools_log *ret_log,
				 struct dv_error *err);
/* NULL when there is none. Borrowed. */
const struct tools_log_row *tools_log_find(const struct tools_log *log, const char *name);
void tools_log_done(struct tools_log *log);

/* Write a row whole; `row` is only read. */
DV_MUST_CHECK int tools_log_put(struct ledger *ledger, const struct tools_log_row *row,
				struct dv_error *err);
DV_MUST_CHECK int tools_log_remove(struct ledger *ledger, const char *name, struct dv_error *err);

#define DV_AUTO_TOOLS_LOG DV_CLEANUP(tools_log_done)

#endif
