/* look.h - what a person's own process says of their t3 database, for root, who opens no home.
 *
 * Model: devvm-look@USER runs `devvm-agent look` as the person; systemd hands it an open file to print to, so it
 * reaches nothing of root's. What it printed is theirs: they may say what they like of their own database and of
 * nothing else, and whatever is not in the agreed form (t3/activity.h) is refused. It runs on hold too: who holds,
 * looks.
 */
#ifndef DEVVM_MOVE_LOOK_H
#define DEVVM_MOVE_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/env.h"

#define LOOK_FOLDER                                                                                \
	"run/devvm/look" /* root's, 0700; USER.env and USER.result while one is looked at */

struct look {
	bool has_database;
	int64_t level;	      /* max(migration_id); -1: it has none, or there is no database */
	unsigned int n_turns; /* of agents, in flight as far as the database says */
	int64_t worked_usec; /* when it was last worked with: wall time since the epoch, 0: never */
};

/* Look at the database of `user`. Turns count whose row changed at `since_usec` (wall time since the epoch; 0: at any
 * time) or later, or at a time that cannot be understood. The caller holds the person's lock. Blocks for 50 ms, 70 s at
 * most. -EMEDIUMTYPE with their process's sentence where it could not look or the database is none of t3's;
 * -EBADMSG where it said something else than it may; -ETIMEDOUT; -EIO where the unit failed. */
DV_MUST_CHECK int look_run(const struct env *env, const char *user, int64_t since_usec,
			   struct look *ret_look, struct dv_error *err);

/* The same of what was printed. Pure. -EMEDIUMTYPE, -EBADMSG. */
DV_MUST_CHECK int look_parse(const char *text, size_t n_bytes, struct look *ret_look,
			     struct dv_error *err);

#endif
