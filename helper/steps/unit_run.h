/* unit_run.h - a unit without rights that works for root: start it, wait, and hear why it failed.
 *
 * Such a unit leaves what it made, or a file with one sentence, in a cache folder of its own. Root
 * looks at neither before the unit has ended: then nothing of it runs any more.
 */
#ifndef DEVVM_STEPS_UNIT_RUN_H
#define DEVVM_STEPS_UNIT_RUN_H

#include <stdint.h>

#include "base/env.h"

#define UNIT_RUN_BYTES 160

/* Start `unit` and wait for its end. On failure the sentence is that of the file `error_path`
 * (below the root of `env`) where it holds one that can be shown, else systemd's; `what` stands
 * before it. Who asks for a unit that runs already waits for that run. */
DV_MUST_CHECK int unit_run(const struct env *env, const char *unit, const char *error_path,
			   const char *what, int64_t deadline_ms, struct dv_error *err);

/* Remove its cache folder, which is its account's: systemd does that. What stays is started
 * afresh by the next run anyway. */
void unit_run_clean(const char *unit);

#endif
