/* placing.h - put a checked copy in the place of a person's t3 database.
 *
 * Root opens neither their home nor a database: their own process (devvm-restore-place@USER) gets the copy as a
 * descriptor, writes it beside, looks at it, moves what is there aside as a set and renames the copy. It does
 * nothing without a hold, and can be done again from the start wherever it was killed.
 */
#ifndef DEVVM_MOVE_PLACING_H
#define DEVVM_MOVE_PLACING_H

#include <inttypes.h>

#include "base/str.h"
#include "ledger/backups.h"

struct placing {
	const struct env *env;
	struct ledger *ledger;
	const char *user;
	const char *id;	    /* of the copy; "": none, what is there only goes aside */
	int64_t began_usec; /* the same each time this is done again: it names what goes aside */
};

/* Where what was there is, below their home. */
#define PLACING_ASIDE_BYTES 64
void placing_aside(const struct placing *placing, char ret_aside[static PLACING_ASIDE_BYTES]);

/* The copy is there and is what was backed up: its SHA-256. -ENOENT, -EBADMSG with what to do. Reads all of it. */
DV_MUST_CHECK int placing_check(const struct placing *placing,
				char ret_sha256[static DIGEST_HEX_BYTES], struct dv_error *err);

/* Under the hold: what reads the database stops, and the copy takes its place. Blocks for as long as the bytes
 * take. */
DV_MUST_CHECK int placing_run(const struct placing *placing, struct dv_error *err);

#endif
