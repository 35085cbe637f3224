/* claude_cache.h - the step that keeps the machine's one verified copy of claude.
 *
 * /opt/devvm/claude/versions/V/claude, root's, 0555, complete or absent, with `current` beside
 * `versions`. A check must not read 400 MB every hour, so the digest that was found is
 * recorded with size and times of the file in versions/V/claude.checked: as long as these are
 * what they were, and for a day at most, the record is believed. Nobody but root can change the
 * file without its ctime changing, and root can change the record too: what the record
 * guards against is a disk, not an attacker. Afterwards the file is hashed again, and
 * downloaded again only when its digest is not the pinned one.
 *
 * Older versions stay: homes may hold links to them.
 */
#ifndef DEVVM_STEPS_CLAUDE_CACHE_H
#define DEVVM_STEPS_CLAUDE_CACHE_H

#include "steps/steps.h"

#define CLAUDE_FOLDER "opt/devvm/claude" /* below the root of struct env */
#define CLAUDE_PATH_BYTES 160

int claude_cache_check(struct step_context *context, enum step_verdict *ret_verdict,
		       char ret_what[static STEP_WHAT_BYTES], struct dv_error *err);
int claude_cache_apply(struct step_context *context, struct dv_error *err);

/* The path of the program of `version`, below the root. */
void claude_cache_path(char ret_path[static CLAUDE_PATH_BYTES], const char *version);

#endif
