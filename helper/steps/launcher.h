/* launcher.h - the step that puts ~/start-claude.sh into a home and keeps it up to date.
 *
 * What the step writes ends with a line that holds the digest of the lines above, so a file is
 * known for one of ours, of whatever version, without a list of all there ever were. One that
 * was changed by a single byte, or has no such line, or is no plain file, is the person's
 * and stays.
 */
#ifndef DEVVM_STEPS_LAUNCHER_H
#define DEVVM_STEPS_LAUNCHER_H

#include "steps/steps.h"

#define LAUNCHER_TEMPLATE "usr/share/devvm/start-claude.sh" /* below the root of struct env */

int launcher_check(struct step_context *context, enum step_verdict *ret_verdict,
		   char ret_what[static STEP_WHAT_BYTES], struct dv_error *err);
int launcher_apply(struct step_context *context, struct dv_error *err);

#endif
