/* claude_installer.h - the vendor's install.sh, run as the person.
 *
 * It is fetched into a folder in /tmp that only the person can look into, and run by bash with
 * a deadline, a clean environment and their home. Its last lines are in the error. Everybody
 * runs what the URL gives, which is why the administrator sets it and nobody else.
 */
#ifndef DEVVM_STEPS_CLAUDE_INSTALLER_H
#define DEVVM_STEPS_CLAUDE_INSTALLER_H

#include "steps/steps.h"

/* Below the step's own deadline, so that the words are ours and nothing is left running. */
#define CLAUDE_INSTALLER_MS 270000

/* 0 when the script exited with 0, whatever it did. Blocks until its deadline at most. */
DV_MUST_CHECK int claude_installer_run(const struct step_context *context, struct dv_error *err);

#endif
