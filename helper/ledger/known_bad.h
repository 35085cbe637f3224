/* known_bad.h - versions that a run has found to be bad.
 *
 * A row stays for good. One that is forgiven counts no more and is still listed; a version that
 * is bad again has a row more.
 */
#ifndef DEVVM_LEDGER_KNOWN_BAD_H
#define DEVVM_LEDGER_KNOWN_BAD_H

#include "ledger/ledger.h"

struct known_bad_row {
	char *version;
	int64_t since_usec;
	int64_t run; /* of the updater; 0 for none */
	char *reason;
	int64_t forgiven_usec; /* 0: it counts */
};

struct known_bad {
	struct known_bad_row *rows; /* the newest first */
	size_t n_rows;
};

/* Nothing changes where it is known already. */
DV_MUST_CHECK int known_bad_add(struct ledger *ledger, const char *version, int64_t at_usec,
				int64_t run, const char *reason, struct dv_error *err);
/* -ENOENT with a sentence where it is not known to be bad. */
DV_MUST_CHECK int known_bad_forgive(struct ledger *ledger, const char *version, int64_t at_usec,
				    struct dv_error *err);
/* Why it is bad, the caller's; NULL where it is not. */
DV_MUST_CHECK int known_bad_reason(struct ledger *ledger, const char *version, char **ret_reason,
				   struct dv_error *err);
DV_MUST_CHECK int known_bad_list(struct ledger *ledger, struct known_bad *ret_list,
				 struct dv_error *err);
void known_bad_done(struct known_bad *list);

#define DV_AUTO_KNOWN_BAD DV_CLEANUP(known_bad_done)

#endif
