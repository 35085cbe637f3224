/* manager.h - systemd over sd-bus, synchronously, for jobs that may wait.
 *
 * What `systemctl` does with many names, without a process and without its output: list what
 * is loaded, reload, start and stop. The daemon uses units.h instead.
 */
#ifndef DEVVM_UNITS_MANAGER_H
#define DEVVM_UNITS_MANAGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct manager;

enum manager_verb {
	MANAGER_START,
	MANAGER_QUEUE, /* a start that is not waited for */
	MANAGER_STOP,
	MANAGER_STOP_WAIT, /* a stop that is waited for */
	MANAGER_RELOAD_OR_RESTART,
};

/* Of one loaded unit, in systemd's words: "active", "inactive", "failed", "activating", … */
typedef int (*manager_on_unit)(void *context, const char *unit, const char *active_state);

/* Connect to the system bus. A bus that has no connection left (a storm of logins) is waited for, 30 s at most.
 * -ENOTCONN with a sentence. */
DV_MUST_CHECK int manager_open(struct manager **ret_manager, struct dv_error *err);
void manager_close(struct manager *manager);
void manager_closep(struct manager **manager);

/* Every loaded unit whose name matches one of the patterns (NULL-terminated), with one
 * call. A negative result of `on_unit` ends it and is returned. */
DV_MUST_CHECK int manager_list(struct manager *manager, const char *const *patterns,
			       manager_on_unit on_unit, void *context, struct dv_error *err);

/* Read all unit files anew. Blocks while systemd does: about 2 ms a loaded socket. */
DV_MUST_CHECK int manager_reload(struct manager *manager, struct dv_error *err);

/* Do it with each of the units; a MANAGER_STOP is not waited for. All are tried; -EIO with the
 * first that failed. */
DV_MUST_CHECK int manager_act(struct manager *manager, enum manager_verb verb,
			      const char *const *units, size_t n_units, struct dv_error *err);

/* Have every process of the unit stand still, or go on (systemd 246, cgroup v2). -EOPNOTSUPP or -EIO in systemd's
 * words. A unit is to go on before it is stopped: systemd 252 sees to that by itself, 257 refuses. */
DV_MUST_CHECK int manager_freeze(struct manager *manager, const char *unit, bool freeze,
				 struct dv_error *err);

/* Send the unit's main process a signal; one that stands still gets it first thing when it goes on. */
DV_MUST_CHECK int manager_signal(struct manager *manager, const char *unit, int number,
				 struct dv_error *err);

/* The wall time at which the unit last became active, 0 when it never did. */
DV_MUST_CHECK int manager_active_since(struct manager *manager, const char *unit, int64_t *ret_usec,
				       struct dv_error *err);

#define DV_AUTO_MANAGER DV_CLEANUP(manager_closep)

#endif
