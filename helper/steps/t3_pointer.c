/* t3_pointer.c - who has no version of t3 of their own gets the one that is current now.
 *
 * From then on it is theirs: only an update that has looked at their database moves it, so a
 * restart, by whomever, runs what ran before. A pointer that exists is never touched.
 */
#include "steps/t3_pointer.h"

#include "steps/item.h"
#include "steps/view.h"
#include "store/store.h"

#define ITEM "t3"
#define ITEM_FOLDER STORE_FOLDER "/" ITEM
#define PEOPLE_FOLDER ITEM_FOLDER "/people"

/* As store_get_pointer(), but who has none by the folder's listing is not looked for. */
static int get_pointer(const struct step_context *context, const char *user,
		       char ret_version[static STORE_VERSION_BYTES], struct dv_error *err)
{
	struct reconcile_view *machine = context->machine;
	enum listing_answer answer =
		user ? listing_ask(&machine->t3_people, context->env, PEOPLE_FOLDER, user)
		     : listing_ask(&machine->t3, context->env, ITEM_FOLDER, "current");

	ret_version[0] = '\0';
	return answer == LISTING_ABSENT
		       ? 0
		       : store_get_pointer(context->env, ITEM, user, ret_version, err);
}

int t3_pointer_check(struct step_context *context, enum step_verdict *ret_verdict,
		     char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	const struct item_list items = { context, ret_verdict, ret_what };
	char own[STORE_VERSION_BYTES], current[STORE_VERSION_BYTES];
	int r = get_pointer(context, context->person->name, own, err);

	if (r < 0)
		return r;
	item_begin(&items);
	if (*own)
		return 0;
	r = get_pointer(context, NULL, current, err);
	if (r < 0)
		return r;
	if (*current)
		item_add(&items, STEP_ADD, "run t3 %s", current);
	else
		*ret_verdict = STEP_SKIPPED;
	return 0;
}

int t3_pointer_apply(struct step_context *context, struct dv_error *err)
{
	char current[STORE_VERSION_BYTES];
	int r = store_get_pointer(context->env, ITEM, NULL, current, err);

	if (r < 0 || !*current)
		return r;
	listing_outdate(&context->machine->t3_people);
	return store_set_pointer(context->env, ITEM, context->person->name, current, err);
}
