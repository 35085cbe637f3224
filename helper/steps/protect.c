/* protect.c - see protect.h.
 *
 * A tree may be in a home, and only its owner may be sure to reach it: so looking at it and closing it
 * are devvm-job protect, run by systemd as the owner, without privileges and with a deadline (a home
 * may hang). Root learns one line of it. A tree that cannot be looked at does not keep the others from
 * being closed: the step fails with its sentence when all have been tried.
 */
#include "steps/protect.h"

#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/process.h"
#include "steps/item.h"
#include "steps/view.h"

#define DEADLINE_MS 30000
#define JOB "/usr/libexec/devvm/devvm-job"

/* What devvm-job protect says: "closed", "absent", "open 0755", or its sentence and a failure. */
static int ask_owner(const struct config_protect *tree, bool do_close,
		     char ret_said[static STEP_WHAT_BYTES], struct dv_error *err)
{
	DV_AUTO_FREE struct process_result *result = malloc(sizeof(*result));
	char user[STEP_WHAT_BYTES], group[STEP_WHAT_BYTES];
	const char *const argv[] = { "systemd-run",
				     "--quiet",
				     "--wait",
				     "--pipe",
				     "--collect",
				     user,
				     group,
				     "--property=NoNewPrivileges=yes",
				     "--property=CapabilityBoundingSet=",
				     "--property=RuntimeMaxSec=20",
				     "--",
				     JOB,
				     "protect",
				     do_close ? "close" : "look",
				     tree->path,
				     tree->group,
				     NULL };
	int r;

	if (!result)
		return dv_fail(err, -ENOMEM, "look at %s", tree->path);
	(void)snprintf(user, sizeof(user), "--uid=%s", tree->owner);
	/* chmod(2) drops the set-group-ID bit where the caller is not in the file's group. */
	(void)snprintf(group, sizeof(group), "--gid=%s", tree->group);
	r = process_run(&(struct process_spec){ .argv = argv,
						.deadline_ms = clock_deadline_ms(DEADLINE_MS) },
			result, err);
	if (r < 0)
		return r;
	result->output[strcspn(result->output, "\n")] = '\0';
	if (!str_is_utf8(result->output, strlen(result->output)) || str_has_control(result->output))
		result->output[0] = '\0';
	if (result->exit_status == 0) {
		(void)snprintf(ret_said, STEP_WHAT_BYTES, "%.200s", result->output);
		return 0;
	}
	if (*result->output)
		return dv_refuse(err, -EIO, "%.400s", result->output);
	return dv_refuse(err, -EIO, "%s: %s did not answer as %s", tree->path, JOB, tree->owner);
}

static int look(const struct config_protect *tree, bool do_close,
		char ret_said[static STEP_WHAT_BYTES], struct dv_error *err)
{
	if (!getpwnam(tree->owner))
		return dv_refuse(err, -ENOENT, "%s: there is no user %s (protect.%s.owner)",
				 tree->path, tree->owner, tree->head.name);
	if (!getgrnam(tree->group))
		return dv_refuse(err, -ENOENT, "%s: there is no group %s (protect.%s.group)",
				 tree->path, tree->group, tree->head.name);
	return ask_owner(tree, do_close, ret_said, err);
}

/* `do_close`, or only look; every tree is tried, and the first failure is told. */
static int each(struct step_context *context, bool do_close, const struct item_list *items,
		struct str_list *opened, struct dv_error *err)
{
	const struct config *config = context->config;
	struct dv_error first = { "" };
	int failure = 0;

	for (size_t i = 0; i < config->n_protect; i++) {
		const struct config_protect *tree = &config->protect[i];
		char said[STEP_WHAT_BYTES] = "";
		struct dv_error why = { "" };
		int r = look(tree, do_close, said, &why);

		if (r < 0 && failure < 0)
			log_warning("protect: %s", why.text);
		if (r < 0 && failure == 0) {
			failure = r;
			first = why;
		}
		if (r == 0 && str_starts_with(said, "open ") && items)
			item_add(items, STEP_CHANGE, "close %s to others (mode %s)", tree->path,
				 said + strlen("open "));
		if (r == 0 && str_starts_with(said, "open ") && opened &&
		    str_list_add(opened, tree->path) < 0)
			return dv_fail(err, -ENOMEM, "close the trees");
	}
	return failure < 0 ? dv_refuse(err, failure, "%s", first.text) : 0;
}

/* One that cannot be looked at differs too where others can be closed: the apply says why. */
int protect_check(struct step_context *context, enum step_verdict *ret_verdict,
		  char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	const struct item_list items = { context, ret_verdict, ret_what };
	int r;

	item_begin(&items);
	r = each(context, false, &items, NULL, err);
	return *ret_verdict == STEP_DIFFERS ? 0 : r;
}

int protect_apply(struct step_context *context, struct dv_error *err)
{
	DV_AUTO_STR_LIST struct str_list opened = { 0 };
	DV_AUTO_FREE char *paths = NULL;
	DV_AUTO_FREE char *value = NULL;
	struct dv_error note_err = { "" };
	int r = each(context, true, NULL, &opened, err);

	if (opened.n_items == 0)
		return r;
	paths = str_list_join(&opened, ", ");
	if (!paths ||
	    asprintf(&value, "%" PRId64 " %s", context->env->wall_usec(context->env), paths) < 0) {
		value = NULL; /* asprintf(3): undefined then */
		return dv_fail(err, -ENOMEM, "note the trees that were open");
	}
	if (ledger_set_meta(context->machine->ledger, PROTECT_META, value, &note_err) < 0)
		return r < 0 ? r : dv_refuse(err, -EIO, "%s", note_err.text);
	return r;
}
