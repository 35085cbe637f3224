/* units.h - systemd over sd-bus, asynchronously, for the event loop.
 *
 * Start a unit and hear once how its job ended. Requests that cannot be sent fail at
 * once; the bus is reconnected on the next request. Nothing here blocks.
 */
#ifndef DEVVM_UNITS_UNITS_H
#define DEVVM_UNITS_UNITS_H

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "base/error.h"

/* Above any TimeoutStartSec= of our units: reached only if systemd loses track of a job. */
#define UNITS_JOB_MAX_MS (26 * 3600 * 1000LL)

/* see units_new() */
struct units;

enum units_result {
	UNITS_UNSET,
	UNITS_DONE,   /* the job ended well: for a oneshot, the program exited 0 */
	UNITS_FAILED, /* it did not; `text` says systemd's word for it */
};

/* Called once per started unit, never before units_start() has returned. */
typedef void (*units_on_end)(void *context, const char *unit, enum units_result result,
			     const char *text);

/* Attach to the loop. `event` is borrowed and must outlive the object. */
DV_MUST_CHECK int units_new(struct units **ret_units, sd_event *event, struct dv_error *err);
void units_free(struct units *units);

/* StartUnit(unit, "replace"). `on_end` is called when its job is removed. -ENOTCONN with
 * a sentence when the bus cannot be had. */
DV_MUST_CHECK int units_start(struct units *units, const char *unit, units_on_end on_end,
			      void *context, struct dv_error *err);

#endif
