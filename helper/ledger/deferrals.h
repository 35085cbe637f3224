/* deferrals.h - who keeps an old version of t3 for now, because they are at work or have asked for it. */
#ifndef DEVVM_LEDGER_DEFERRALS_H
#define DEVVM_LEDGER_DEFERRALS_H

#include <stdbool.h>

#include "base/str.h"
#include "ledger/ledger.h"

#define DEFERRALS_VERSION_BYTES 65
#define DEFERRALS_WHY_BYTES 160

struct deferral {
	char name[STR_USER_NAME_MAX + 1];
	char version
		[DEFERRALS_VERSION_BYTES]; /* that they do not have; "": they only asked to wait */
	int64_t since_usec;		   /* for the first time, of any version; 0: not yet */
	int64_t not_before_usec;	   /* they asked for; 0: they did not */
	int64_t told_usec;		   /* when they were told that they block it; 0: not yet */
	char why[DEFERRALS_WHY_BYTES];
};

struct deferrals {
	struct deferral *rows; /* sorted by name */
	size_t n_rows;
};

/* Whether they have kept a version waiting for more than `max_days`, and so are to be told; 0: nobody ever is. */
bool deferrals_is_overdue(const struct deferral *deferral, unsigned int max_days, int64_t now_usec);
/* NULL when there is none. */
const struct deferral *deferrals_find(const struct deferrals *deferrals, const char *name);
DV_MUST_CHECK int deferrals_list(struct ledger *ledger, struct deferrals *ret_deferrals,
				 struct dv_error *err);
void deferrals_done(struct deferrals *deferrals);

/* Their row alone; an empty name where there is none. */
DV_MUST_CHECK int deferrals_get(struct ledger *ledger, const char *name,
				struct deferral *ret_deferral, struct dv_error *err);

/* They were passed over: `since_usec` counts only the first time. */
DV_MUST_CHECK int deferrals_put(struct ledger *ledger, const char *name, const char *version,
				int64_t since_usec, const char *why, struct dv_error *err);
DV_MUST_CHECK int deferrals_set_not_before(struct ledger *ledger, const char *name, int64_t at_usec,
					   struct dv_error *err);
DV_MUST_CHECK int deferrals_set_told(struct ledger *ledger, const char *name, int64_t at_usec,
				     struct dv_error *err);
/* They keep nothing waiting: they have it, or are not to have it. What they asked for beyond `now_usec` stays. */
DV_MUST_CHECK int deferrals_end(struct ledger *ledger, const char *name, int64_t now_usec,
				struct dv_error *err);

#define DV_AUTO_DEFERRALS DV_CLEANUP(deferrals_done)

#endif
