/* check.h - one version of t3 on one database, from its copy to its second end.
 *
 * Runs in devvm-gate@NAME.service as devvm-gate, with a network of its own. A version is judged by what it
 * does, never by how a command of it exits. It must come up bound to all addresses and to no port that is
 * another person's, say its version, pair (by its own command and over HTTP) up to a session and a
 * WebSocket, end when asked to, leave a database that may have come from the one it was given, at the level
 * of a new one of its own, and do all of it again on that, bound to loopback as people's are. Blocks until the deadline at most.
 */
#ifndef DEVVM_GATE_CHECK_H
#define DEVVM_GATE_CHECK_H

#include "gate/box.h"
#include "gate/result.h"

struct check_build {
	const char *version;
	const char *program; /* absolute */
};

struct check_plan {
	const char *node; /* absolute */
	struct check_build candidate;
	struct check_build maker; /* makes the database; version NULL: it is seed_fd's */
	int seed_fd;
	const char *base_dir, *empty_dir; /* absolute; are made */
	uint16_t port;
	uint16_t first, last; /* the ports that are people's */
	int64_t start_ms; /* that a start may take; a large database is migrated before it answers */
	int64_t deadline_ms; /* absolute, of all of it */
};

void check_run(struct box *box, const struct check_plan *plan, struct gate_result *ret_result);

#endif
