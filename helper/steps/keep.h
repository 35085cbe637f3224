/* keep.h - /var/lib/devvm/people.kept: what no rebuild can work out, as plain text beside the ledger.
 *
 * Who has which uid and ports, and who had them. One line per person, sorted by name:
 *
 *     NAME state=present|left identity=I uid=N t3=PORT playwright=PORT [archive=PATH]
 *
 * without what is not known. Lines that begin with '#' are comments. The step writes it at the end of
 * each reconcile that changed it; an empty ledger is filled from it, so that a machine that was built
 * anew gives everybody what they had, whatever order they come in, and gives it to nobody else.
 */
#ifndef DEVVM_STEPS_KEEP_H
#define DEVVM_STEPS_KEEP_H

#include "steps/steps.h"

#define KEEP_FILE "var/lib/devvm/people.kept" /* below the root of struct env; 0600 */

int keep_check(struct step_context *context, enum step_verdict *ret_verdict,
	       char ret_what[static STEP_WHAT_BYTES], struct dv_error *err);
int keep_apply(struct step_context *context, struct dv_error *err);

/* Everybody in the file becomes somebody who has left, in one transaction; the roster then brings
 * back whom it has. For a ledger without people. `*ret_n`: how many; 0 where there is no file.
 * -EINVAL with "file:line: what" for a line that is none, and nothing is taken. */
DV_MUST_CHECK int keep_import(const struct env *env, struct ledger *ledger, size_t *ret_n,
			      struct dv_error *err);

#endif
