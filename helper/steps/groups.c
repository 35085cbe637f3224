/* groups.c - the groups a person's tier and roster line bring.
 *
 * Adds what is missing of the groups that exist; never takes one away, so a group an
 * administrator gave by hand stays. gpasswd(1) and not usermod(8): it also takes people
 * whose account is in another NSS source.
 */
#include "steps/groups.h"

#include <string.h>

#include "base/clock.h"
#include "base/process.h"
#include "steps/item.h"
#include "steps/view.h"

#define PROGRAM_DEADLINE_MS 30000

/* The groups that exist and that the person is not in; all of them before there is an account. */
static int list_missing(struct step_context *context, struct str_list *missing,
			struct dv_error *err)
{
	DV_AUTO_STR_LIST struct str_list wanted = { 0 };
	const struct view_account *account;
	int r = view_ask_account(context->machine, context->person->name, &account, err);

	if (r < 0)
		return r;
	r = str_list_add_lines(&wanted, context->person->groups);
	for (size_t i = 0; r == 0 && i < wanted.n_items; i++) {
		const struct view_group *group = view_group(context->machine, wanted.items[i]);

		if (!group)
			r = -ENOMEM;
		else if (group->exists && (!account || !view_group_has(group, account)))
			r = str_list_add(missing, wanted.items[i]);
	}
	return r < 0 ? dv_fail(err, r, "compare the groups") : 0;
}

int groups_check(struct step_context *context, enum step_verdict *ret_verdict,
		 char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	const struct item_list items = { context, ret_verdict, ret_what };
	DV_AUTO_STR_LIST struct str_list missing = { 0 };
	int r = list_missing(context, &missing, err);

	if (r < 0)
		return r;
	item_begin(&items);
	for (size_t i = 0; i < missing.n_items; i++)
		item_add(&items, STEP_ADD, "add to %s", missing.items[i]);
	return 0;
}

int groups_apply(struct step_context *context, struct dv_error *err)
{
	DV_AUTO_STR_LIST struct str_list missing = { 0 };
	int r = list_missing(context, &missing, err);

	for (size_t i = 0; r == 0 && i < missing.n_items; i++) {
		const char *const argv[] = { "gpasswd", "--add", context->person->name,
					     missing.items[i], NULL };

		r = process_run_ok(&(struct process_spec){ .argv = argv,
							   .deadline_ms = clock_deadline_ms(
								   PROGRAM_DEADLINE_MS) },
				   err);
		view_forget_group(context->machine, missing.items[i]);
	}
	return r;
}
