/* gates.h - what the gate found, one row for each version and database that it was tried on. */
#ifndef DEVVM_LEDGER_GATES_H
#define DEVVM_LEDGER_GATES_H

#include "ledger/ledger.h"

#define GATES_KEPT 1000
#define GATES_NO_LEVEL (-1)

/* Strings are borrowed. */
struct gates_row {
	int64_t run;
	const char *version;
	const char *seed; /* whose database, or the synthetic one */
	int64_t at_usec;
	const char *outcome, *failed_check, *text;
	uint32_t start_ms, memory_kib, from_level, to_level, total_ms;
};

/* Adds it; GATES_KEPT rows are kept. */
DV_MUST_CHECK int gates_add(struct ledger *ledger, const struct gates_row *row,
			    struct dv_error *err);
/* The migration level that a version brings a database to, as a gate it passed has seen; GATES_NO_LEVEL. */
DV_MUST_CHECK int gates_level(struct ledger *ledger, const char *version, int *ret_level,
			      struct dv_error *err);

#endif
