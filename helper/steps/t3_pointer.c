/* t3_pointer.c - who has no version of t3 of their own gets the one that is current now.
 *
 * From then on it is theirs: only an update that has looked at their database moves it, so a
 * restart, by whomever, runs what ran before. A pointer that exists is never touched.
 */
#include "steps/t3_pointer.h"

#include "store/store.h"

#define ITEM "t3"

int t3_pointer_check(struct step_context *context, enum step_verdict *ret_verdict,
		     char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	char own[STORE_VERSION_BYTES], current[STORE_VERSION_BYTES];
	int r = store_get_pointer(context->env, ITEM, context->person->name, own, err);

	if (r < 0)
		return r;
	if (*own) {
		*ret_verdict = STEP_FINE;
		return 0;
	}
	r = store_get_pointer(context->env, ITEM, NULL, current, err);
	if (r < 0)
		return r;
	*ret_verdict = *current ? STEP_DIFFERS : STEP_SKIPPED;
	if (*current)
		(void)snprintf(ret_what, STEP_WHAT_BYTES, "run t3 %s", current);
	return 0;
}

int t3_pointer_apply(struct step_context *context, struct dv_error *err)
{
	char current[STORE_VERSION_BYTES];
	int r = store_get_pointer(context->env, ITEM, NULL, current, err);

	if (r < 0 || !*current)
		return r;
	return store_set_pointer(context->env, ITEM, context->person->name, current, err);
}
