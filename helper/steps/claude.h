/* claude.h - the step that gives a home its native claude.
 *
 * Whatever executable ~/.local/bin/claude leads to, of whatever version and whoever made it, is
 * left alone. Where there is none, it is laid out as the vendor's installer does it, so that
 * claude's own updates find their place: ~/.local/share/claude/versions/V and a link to it.
 * The file comes from the machine's copy (claude_cache.h), or the installer itself is run.
 * A link of ours that leads nowhere is mended; anything else is the person's to move away.
 *
 * It runs as the person, in their own home: a link of theirs to elsewhere is theirs. Nothing is
 * written through a name that was there before: everything is made under another name and
 * renamed without replacing.
 */
#ifndef DEVVM_STEPS_CLAUDE_H
#define DEVVM_STEPS_CLAUDE_H

#include "steps/steps.h"

int claude_check(struct step_context *context, enum step_verdict *ret_verdict,
		 char ret_what[static STEP_WHAT_BYTES], struct dv_error *err);
int claude_apply(struct step_context *context, struct dv_error *err);

#endif
