/* backups.h - the copies that there are of people's databases, and the attempts that failed.
 *
 * The copy of a row that is ok is /var/backups/t3-state/NAME/state-ID.sqlite, root's. An ID is the time it was
 * begun, in UTC: "20261127-031500"; later ones sort behind, whatever becomes of the clock (backups_next_id()).
 */
#ifndef DEVVM_LEDGER_BACKUPS_H
#define DEVVM_LEDGER_BACKUPS_H

#include <stdbool.h>

#include "base/digest.h"
#include "base/str.h"
#include "ledger/ledger.h"

#define BACKUPS_FOLDER "var/backups/t3-state"
#define BACKUPS_ID_BYTES 16
#define BACKUPS_VERSION_BYTES 65
#define BACKUPS_PATH_BYTES (sizeof(BACKUPS_FOLDER) + STR_USER_NAME_MAX + BACKUPS_ID_BYTES + 32)

/* Of a copy, below the root of struct env. */
void backups_path(const char *name, const char *id, char ret_path[static BACKUPS_PATH_BYTES]);

struct backups_row {
	char *name;
	char id[BACKUPS_ID_BYTES];
	char *reason; /* what it was made for: "daily", "hand", … */
	bool is_ok;
	int64_t took_ms;
	int64_t bytes, level; /* of an ok one; level -1: the database has none */
	char *sha256, *rows;  /* of an ok one; rows: {"table": number} */
	char *needed_by;      /* the run that must not lose it; NULL: none */
	char *error;	      /* of one that failed */
	/* Of t3, that their pointer named then; "": it is not known. */
	char version[BACKUPS_VERSION_BYTES];
};

struct backups {
	struct backups_row *rows; /* by name, the newest of each first */
	size_t n_rows;
};

/* Of `name`, or of everybody with NULL. */
DV_MUST_CHECK int backups_list(struct ledger *ledger, const char *name, struct backups *ret_backups,
			       struct dv_error *err);
/* Which of one person's to forget, so that `keep` copies stay: marks them in `ret_forget`, an array of
 * n_rows that is the caller's. The newest copy that is ok always stays, and what a run needs; of the failed
 * attempts that behind which nothing was ok since. */
void backups_choose(const struct backups *backups, unsigned int keep, bool *ret_forget);
void backups_done(struct backups *backups);
/* The one of this ID in one person's; NULL. Borrowed. */
const struct backups_row *backups_find(const struct backups *backups, const char *id);

/* One of this ID that is there is replaced. */
DV_MUST_CHECK int backups_add(struct ledger *ledger, const struct backups_row *row,
			      struct dv_error *err);
DV_MUST_CHECK int backups_remove(struct ledger *ledger, const char *name, const char *id,
				 struct dv_error *err);

/* The ID of one that begins now: the time, or one behind all that there are of that person where the clock was set
 * back, so that the newest copy is the newest row, and the last to be forgotten. "00000000-000000" where no time can
 * be written so. */
void backups_next_id(const struct backups *backups, int64_t now_usec,
		     char ret_id[static BACKUPS_ID_BYTES]);

/* No run needs any of them: they are kept and forgotten like others. */
DV_MUST_CHECK int backups_let_go(struct ledger *ledger, struct dv_error *err);
/* This one is needed by that run; nothing where there is none of this ID. */
DV_MUST_CHECK int backups_need(struct ledger *ledger, const char *name, const char *id, int64_t run,
			       struct dv_error *err);

/* When a copy of this ID was begun, in microseconds since the epoch. */
bool backups_time(const char *id, int64_t *ret_usec);

/* Whether `text` is an ID; it comes into paths. */
bool backups_is_id(const char *text);

#define DV_AUTO_BACKUPS DV_CLEANUP(backups_done)

#endif
