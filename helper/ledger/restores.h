/* restores.h - the restores that are under way: what a killed one is finished from.
 *
 * A person has at most one. It is written before anything is touched, and removed when the person has their
 * data and nothing holds it any more.
 */
#ifndef DEVVM_LEDGER_RESTORES_H
#define DEVVM_LEDGER_RESTORES_H

#include <stdbool.h>

#include "base/str.h"
#include "ledger/backups.h"
#include "ledger/ledger.h"
#include "ledger/moves.h"

enum restore_state {
	RESTORE_HELD,	/* nothing of theirs starts; their data may be half in its place */
	RESTORE_PLACED, /* the copy is in its place, whole; the hold is to be released */
};

struct restore_row {
	char name[STR_USER_NAME_MAX + 1];
	char id[BACKUPS_ID_BYTES];
	enum restore_state state;
	int64_t began_usec;
	bool was_running;		   /* their t3, before; or it is to run afterwards */
	char version[MOVES_VERSION_BYTES]; /* of t3 that they get with it; "": what they have */
};

struct restores {
	struct restore_row *rows;
	size_t n_rows;
};

DV_MUST_CHECK int restores_list(struct ledger *ledger, struct restores *ret_restores,
				struct dv_error *err);
void restores_done(struct restores *restores);
/* Begin one (-EEXIST where there is one), or note how far it is. */
DV_MUST_CHECK int restores_begin(struct ledger *ledger, const struct restore_row *row,
				 struct dv_error *err);
DV_MUST_CHECK int restores_note(struct ledger *ledger, const char *name, enum restore_state state,
				struct dv_error *err);
DV_MUST_CHECK int restores_end(struct ledger *ledger, const char *name, struct dv_error *err);

#define DV_AUTO_RESTORES DV_CLEANUP(restores_done)

#endif
