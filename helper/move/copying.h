/* copying.h - one checked copy of a person's t3 database, that no process of theirs can reach.
 *
 * Their own process makes and checks the copy (devvm-backup-copy@USER, devvm-agent backup); root opens
 * neither their home nor a database, it takes bytes over: of a plain file of theirs, as many as were told,
 * with the digest that was told, into a folder of its own, and renames when they are on the disk. Each attempt
 * is a row of the ledger, and older copies than config's backup.keep are forgotten. Whoever has been looked at once,
 * and had no database or has a copy now, has a mark beside the copies: without it nothing of theirs starts before
 * devvm-backup-first@USER has had its try (units/t3-serve@.service).
 */
#ifndef DEVVM_MOVE_COPYING_H
#define DEVVM_MOVE_COPYING_H

#include "config/config.h"
#include "ledger/backups.h"
#include "ledger/people.h"

struct copying {
	const struct env *env;
	const struct config *config;
	struct ledger *ledger;
	const char *reason;    /* a word: "daily", "hand", "update" */
	const char *needed_by; /* the run that must not lose it; NULL: none */
};

enum copying_outcome {
	COPYING_UNSET,
	COPYING_MADE,
	COPYING_NONE,	/* they have no database yet */
	COPYING_FAILED, /* `why` says it; the older copies stay */
};

struct copying_result {
	enum copying_outcome outcome;
	char id[BACKUPS_ID_BYTES]; /* of one that was made */
	int64_t level;		   /* of migration; -1: it has none */
	char why[ERROR_MAX_BYTES];
};

/* Copy and note it. Negative where the ledger fails; the person's own trouble is an outcome. The caller holds the
 * person's lock (steps/lock.h) and has looked for a hold. Blocks for backup.deadline at most, and for as long as
 * the bytes take. */
DV_MUST_CHECK int copying_run(const struct copying *copying, const struct people_row *person,
			      struct copying_result *ret_result, struct dv_error *err);

#endif
