/* notify.h - a run that wants a person's attention tells the command of update.notify.
 *
 * The command runs in a unit of its own, devvm-notify@RUN, which gets a message of NOTIFY_LINES lines.
 */
#ifndef DEVVM_ROLLOUT_NOTIFY_H
#define DEVVM_ROLLOUT_NOTIFY_H

#include "rollout/rollout.h"

/* A file per run, named by its number; root's, made by the updater, opened by systemd. */
#define NOTIFY_FOLDER "run/devvm/notify" /* below the root of struct env */
#define NOTIFY_LINES 4			 /* outcome, run, version, sentence */

/* Run `run`, of `version` ("": none), has ended with `outcome` and the words in `text`. Where that wants a person, the
 * command of update.notify is told, by a unit that is not waited for; where it cannot be started that is an event. */
void rollout_notify(struct rollout *rollout, int64_t run, const char *version,
		    enum update_outcome outcome);

#endif
