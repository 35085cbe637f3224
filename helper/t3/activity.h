/* activity.h - what a t3 database says of work: turns of agents that are in flight, and when it was last worked with.
 *
 * A turn that was killed leaves its mark (active_turn_id) behind, so one counts only when its row changed since a
 * time that the caller names, the start of the server. A row whose time cannot be understood counts: nobody's work is
 * ended for a guess. For the same reason a time is as late as its last digit allows: 12:00:00 may be any moment of
 * that second. Source: t3's contract, projection_thread_sessions(active_turn_id, updated_at).
 *
 * Also the words between a person's own process, which looks (devvm-agent look), and root, who asks (move/look.h).
 */
#ifndef DEVVM_T3_ACTIVITY_H
#define DEVVM_T3_ACTIVITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Environment: wall time in microseconds since the epoch; 0 for any. */
#define ACTIVITY_SINCE_KEY "DEVVM_SINCE_USEC"
/* The answer, one JSON object: {"state":"ok","level":N,"turns":N,"worked_usec":N}, {"state":"none"}, or
 * {"state":"failed","error":"…"}, in printable ASCII. */
#define ACTIVITY_ANSWER_MAX 2048
#define ACTIVITY_LEVEL_MAX INT32_MAX
#define ACTIVITY_TURNS_MAX INT32_MAX
#define ACTIVITY_USEC_MAX INT64_C(253402300800000000) /* the end of the year 9999 */

struct activity {
	int64_t level;	     /* max(migration_id), STATE_NO_LEVEL where there is none */
	int64_t n_turns;     /* in flight, as far as the rows say */
	int64_t worked_usec; /* the newest time of any row; 0 for none */
};

/* Read the database at `path`, which others may be using. -ENOENT where there is none; else as state.h says;
 * -EBADMSG where it holds not what t3 keeps there. */
DV_MUST_CHECK int activity_look(const char *path, int64_t since_usec, int64_t deadline_ms,
				struct activity *ret_activity, struct dv_error *err);

/* "2026-01-31T12:00:00.123Z" ("+00:00", or sqlite's "2026-01-31 12:00:00"), or a number of seconds or of
 * milliseconds since the epoch. Pure. false: it is none of these. *ret_step_usec is what its last digit is worth. */
bool activity_parse_time(const char *text, int64_t *ret_usec, int64_t *ret_step_usec);

#endif
