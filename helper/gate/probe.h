/* probe.h - what the gate asks of a version that runs: to come up, to be where it should, to pair, to end.
 *
 * Each function returns -1 once it has put its sentence into the result, under the check that is `at`.
 */
#ifndef DEVVM_GATE_PROBE_H
#define DEVVM_GATE_PROBE_H

#include "gate/check.h"

/* What a version is told to listen on. */
#define PROBE_ALL_ADDRESSES "0.0.0.0"
#define PROBE_LOOPBACK "127.0.0.1"

struct probe {
	struct box *box;
	const struct check_plan *plan;
	const struct check_build *build; /* that is run now */
	const char *base_dir;		 /* that it is run on */
	const char *bound_to;		 /* PROBE_… */
	struct gate_result *result;
	struct dv_error err;
	enum gate_check at;
};

/* The deadline `ms` from now, or that of the whole plan. */
int64_t probe_until(const struct probe *probe, int64_t ms);

int probe_say(struct probe *probe, enum gate_outcome outcome, const char *text); /* -1 */
int probe_failed(struct probe *probe); /* the sentence in `err`; -1 */

int probe_launch(struct probe *probe);
/* Until it says that it is the version it is. */
int probe_wait_version(struct probe *probe);
int probe_check_port(struct probe *probe);
/* Pair, and open a WebSocket with and without the session. */
int probe_use(struct probe *probe);
/* SIGTERM; nothing of its account runs then. */
int probe_stop(struct probe *probe);

#endif
