/* withdraw.c - see withdraw.h. */
#include "steps/withdraw.h"

#include <fcntl.h>
#include <unistd.h>

#include "steps/instance.h"
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
	bool has_keys = has_file(context, STEPS_KEYS_FOLDER);
	bool has_units = !instance_is_removed(context->machine, context->person->name);
	bool has_ticket = has_file(context, STEPS_TICKETS_FOLDER);

	*ret_verdict = has_keys || has_units || has_ticket ? STEP_DIFFERS : STEP_FINE;
	(void)snprintf(ret_what, STEP_WHAT_BYTES, "remove%s%s%s", has_keys ? " their keys" : "",
		       has_units ? " their units" : "", has_ticket ? " their ticket" : "");
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
