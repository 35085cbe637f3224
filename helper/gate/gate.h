/* gate.h - root's side of the gate: a version is checked on a database in devvm-gate@NAME.service.
 *
 * Root hands over three files of /run/devvm/gate, which systemd opens before the sandbox closes: NAME.env
 * (what to check), NAME.seed (a link to the database, which becomes the unit's stdin) and NAME.result (its stdout).
 * So nothing in the sandbox can open a seed or a result by name, and no copy of a seed is made outside of the
 * unit's own /var/tmp, which systemd removes when the unit ends, however it ends, and at the next boot.
 * One gate runs at a time: see gate/box.h.
 */
#ifndef DEVVM_GATE_GATE_H
#define DEVVM_GATE_GATE_H

#include "base/env.h"
#include "gate/result.h"

#define GATE_FOLDER "run/devvm/gate" /* below the root of struct env */
#define GATE_SYNTHETIC_NAME "_synthetic"

/* The variables of NAME.env. */
#define GATE_VERSION_KEY "DEVVM_GATE_VERSION"
#define GATE_MAKER_KEY "DEVVM_GATE_MAKER" /* the version that makes the synthetic database */

#define GATE_START_KEY "DEVVM_GATE_START_S" /* seconds that a start may take */
#define GATE_START_S 120
#define GATE_START_MAX_S                                                                           \
	3600 /* as update.start_timeout has it; units/devvm-gate@.service has room for it */
/* A whole check takes no longer than this and the one start in which a large database is migrated. */
#define GATE_CHECK_S (7 * 60)

struct gate_seed {
	const char *name; /* of the unit's instance: a user name, or GATE_SYNTHETIC_NAME */
	const char *path; /* absolute; NULL: the synthetic one */
};

/* Returns an fd that holds the one place; blocks until the deadline at most. */
DV_MUST_CHECK int gate_lock(const struct env *env, int64_t deadline_ms, struct dv_error *err);

struct gate_order {
	const char *version;
	const char *maker;    /* makes the synthetic database; "" where there is none */
	unsigned int start_s; /* that a start may take; GATE_START_MAX_S at most */
};

/* Under the lock: check a version on a database. What goes wrong here is a result too (GATE_ERROR). Blocks
 * for GATE_CHECK_S and a start, and two minutes more. */
void gate_run(const struct env *env, const struct gate_order *order, const struct gate_seed *seed,
	      struct gate_result *ret_result);

#endif
