/* wrap.h - the n-th call fails, or is the last one.
 *
 * The calls of our own objects are caught by the linker (wrap.args: link with
 * @tests/fault/wrap.args), those of sqlite through the table of system calls that its unix
 * VFS has for tests. Counting begins with wrap_arm(); what a test does while nothing is armed
 * goes through as it is. Nothing is ever synced to disk: a kill does not lose what the kernel
 * has.
 */
#ifndef DEVVM_TESTS_WRAP_H
#define DEVVM_TESTS_WRAP_H

#include <stdbool.h>

enum wrap_kind {
	WRAP_FILES,  /* calls that change files, ours and sqlite's */
	WRAP_MEMORY, /* ours alone */
};

#define WRAP_KILL (-1) /* for an error: SIGKILL to the caller, with the n-th change done */

/* Let call number `n` of this kind (from 1) fail with `error`, once. A write that fails, or
 * is the last one before a kill, leaves half of its bytes behind. */
void wrap_arm(enum wrap_kind kind, unsigned int n, int error);

/* Back to normal. Whether the call came to pass. */
bool wrap_disarm(void);

#endif
