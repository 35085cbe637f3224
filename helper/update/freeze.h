/* freeze.h - the switch that holds the version of t3 where it is, and nothing else.
 *
 * A file says it: /var/lib/devvm/freeze, of `devvmctl freeze` and of a run that had to go back,
 * or /etc/t3-autoupdate.freeze, for `touch` by hand. Either freezes. Ours holds lines
 * reason=, until=, run=; any other content is a reason, and an empty file freezes too. What
 * cannot be read freezes: nobody is updated because of a broken file. A freeze whose time is
 * over holds no more.
 */
#ifndef DEVVM_UPDATE_FREEZE_H
#define DEVVM_UPDATE_FREEZE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/env.h"

#define FREEZE_PATH "var/lib/devvm/freeze" /* below the root of struct env */
#define FREEZE_HAND_PATH "etc/t3-autoupdate.freeze"
#define FREEZE_REASON_MAX 300

struct freeze {
	bool is_frozen;
	const char *path; /* of the file that freezes */
	char reason[FREEZE_REASON_MAX + 1];
	int64_t until_usec; /* 0: until it is lifted */
	int64_t run;	    /* of the updater that froze; 0: a person did */
};

/* Never fails: see above. */
void freeze_look(const struct env *env, struct freeze *ret_freeze);

/* "reason (until T)", for one line. */
#define FREEZE_TEXT_BYTES (FREEZE_REASON_MAX + 80)
void freeze_text(const struct freeze *freeze, char ret_text[static FREEZE_TEXT_BYTES]);

/* Write FREEZE_PATH, over what it was. `reason` is one line of at most FREEZE_REASON_MAX. */
DV_MUST_CHECK int freeze_set(const struct env *env, const char *reason, int64_t until_usec,
			     int64_t run, struct dv_error *err);
/* Remove FREEZE_PATH, and FREEZE_HAND_PATH where the caller can. -EBUSY with what to type where
 * that one is there and stays. Absent is success. */
DV_MUST_CHECK int freeze_lift(const struct env *env, struct dv_error *err);

/* When a freeze ends: 2026-01-31, 2026-01-31T12:00, 2026-01-31T12:00:00Z (all UTC), or +90m, +12h, +3d from `now_usec`.
 * -EINVAL with the forms there are. */
DV_MUST_CHECK int freeze_parse_until(const char *text, int64_t now_usec, int64_t *ret_usec,
				     struct dv_error *err);

#endif
