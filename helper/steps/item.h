/* item.h - what a check finds, item by item.
 *
 * The journal and the ledger get one sentence per step; a plan (`reconcile --dry-run`) shows each
 * item with its mark: what would be added, changed, removed. A check says each once, here.
 */
#ifndef DEVVM_STEPS_ITEM_H
#define DEVVM_STEPS_ITEM_H

#include "steps/steps.h"

/* What a check has to fill in: its own arguments, borrowed. */
struct item_list {
	struct step_context *context;
	enum step_verdict *ret_verdict;
	char *ret_what; /* STEP_WHAT_BYTES */
};

/* The step is fine so far. */
void item_begin(const struct item_list *list);
/* It differs in this: the verdict becomes STEP_DIFFERS, the words go behind those that are there
 * (cut where they are too many), and whoever listens in the context hears of it. */
void item_add(const struct item_list *list, enum step_mark mark, const char *format, ...)
	DV_PRINTF(3, 4);

/* Of a file that is not as it should be: STEP_ADD where there is none, else STEP_CHANGE. */
enum step_mark item_mark_of(const struct env *env, const char *path);

#endif
