/* watch.h - notices that the roster or devvm.yaml was written.
 *
 * Folders are watched, because editors and git replace files. A change is told once things
 * have been quiet for WATCH_QUIET_MS, at the latest WATCH_MAX_MS after the first. A folder
 * that goes away is looked for until it is back, which is a change; so is an overflow.
 */
#ifndef DEVVM_DAEMON_WATCH_H
#define DEVVM_DAEMON_WATCH_H

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "base/env.h"

#define WATCH_QUIET_MS 100
#define WATCH_MAX_MS 500
#define WATCH_RETRY_MS 2000

struct watch;

/* Watch the file of the configuration below the root of `env`, and the roster once
 * watch_set_roster() has named it. `env` is borrowed. */
DV_MUST_CHECK int watch_new(struct watch **ret_watch, sd_event *event, const struct env *env,
			    void (*on_change)(void *context), void *context, struct dv_error *err);
void watch_free(struct watch *watch);

/* The roster's absolute path; the same as before changes nothing. */
DV_MUST_CHECK int watch_set_roster(struct watch *watch, const char *path, struct dv_error *err);

/* Whether something was seen that has not been told yet. */
bool watch_is_armed(const struct watch *watch);

#endif
