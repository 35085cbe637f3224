/* withdraw.c - see withdraw.h. */
#include "steps/withdraw.h"

#include <fcntl.h>
#include <unistd.h>

#include "steps/instance.h"
#include "steps/item.h"
#include "steps/keys.h"
#include "steps/paths.h"
#include "steps/ticket.h"
#include "steps/view.h"

static bool has_file(const struct step_context *context, const char *folder)
{
	char path[STEPS_PATH_BYTES];

	steps_person_path(path, folder, context->person->name);
	return faccessat(context->env->root_dirfd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int withdraw_check(struct step_context *context, enum step_verdict *ret_verdict,
		   char ret_what[static STEP_WHAT_BYTES], struct dv_error *err DV_UNUSED)
{
	const struct item_list items = { context, ret_verdict, ret_what };

	item_begin(&items);
	if (has_file(context, STEPS_KEYS_FOLDER))
		item_add(&items, STEP_REMOVE, "remove their keys");
	if (!instance_is_removed(context->machine, context->person->name))
		item_add(&items, STEP_REMOVE, "remove their units");
	if (has_file(context, STEPS_TICKETS_FOLDER))
		item_add(&items, STEP_REMOVE, "remove their ticket");
	return 0;
}

int withdraw_apply(struct step_context *context, struct dv_error *err)
{
	const char *name = context->person->name;
	int r = keys_remove(context->env, name, err);

	listing_outdate(&context->machine->keys);
	if (r == 0)
		r = instance_remove(context->machine, name, err);
	return r < 0 ? r : ticket_remove(context->env, name, err);
}
