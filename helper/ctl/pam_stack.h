/* pam_stack.h - our one line in /etc/pam.d/sshd. Pure: text in, text out.
 *
 * Debian's sshd stack reads /etc/environment after common-session, so a PATH there wins
 * over the one our module put. Called a second time, at the end, the module only repeats
 * the environment. The line carries a mark, and only marked lines are ever ours.
 */
#ifndef DEVVM_CTL_PAM_STACK_H
#define DEVVM_CTL_PAM_STACK_H

#include <stdbool.h>

#include "base/error.h"

#define PAM_STACK_LINE                                                                             \
	"session optional pam_devvm.so # devvm: after pam_env, whose PATH would win otherwise"

enum pam_stack_state {
	PAM_STACK_UNSET,
	PAM_STACK_ABSENT,
	PAM_STACK_PRESENT,   /* the last line is ours, and the only one that is */
	PAM_STACK_MISPLACED, /* ours is there more than once, or something follows it */
	PAM_STACK_FOREIGN,   /* an administrator calls the module in a line of their own */
	PAM_STACK_COMMENTED, /* an administrator commented such a line out */
};

enum pam_stack_state pam_stack_state_of(const char *text);

/* Whether any line of a stack, of whatever type, calls the module. */
bool pam_stack_calls_module(const char *text);

/* `text` with exactly one line of ours, at the end; unchanged where an administrator
 * decided otherwise (FOREIGN, COMMENTED). Owned by the caller. -EINVAL when the text ends
 * in the middle of a continued line. */
DV_MUST_CHECK int pam_stack_enable(const char *text, char **ret_text, struct dv_error *err);

/* `text` without our lines; everything else byte for byte. */
DV_MUST_CHECK int pam_stack_disable(const char *text, char **ret_text, struct dv_error *err);

#endif
