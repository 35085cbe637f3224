/* cmd_reconcile.c - `devvmctl reconcile [USER] [--dry-run]`. */
#include "ctl/cmd_reconcile.h"

#include <getopt.h>

#include "base/str.h"
#include "ctl/commands.h"
#include "ctl/follow.h"
#include "ctl/lines.h"

#define TOTAL_MS 1800000 /* the unit's own limit is ten minutes, and one may run before ours */

static void print_plan(const struct ctl *ctl, const struct record *progress, void *context)
{
	unsigned int *n_differing = context;

	if (str_equal(record_get(progress, "status"), "differs")) {
		lines_print(ctl, '~', progress);
		(*n_differing)++;
	}
	lines_print_failed(ctl, progress, NULL);
}

static void print_end(const struct ctl *ctl, const struct follow_result *result, bool is_dry_run,
		      unsigned int n_differing)
{
	if (result->end != FOLLOW_DONE)
		return;
	if (result->n_failed > 0)
		(void)fprintf(ctl->out,
			      "%u step%s failed; devvmctl status says what happens next.\n",
			      result->n_failed, result->n_failed == 1 ? "" : "s");
	else if (!is_dry_run)
		(void)fputs("The machine is as the roster says.\n", ctl->out);
	else if (n_differing == 0)
		(void)fputs("Nothing to do.\n", ctl->out);
	if (*result->text)
		(void)fprintf(ctl->out, "(%s)\n", result->text);
}

enum ctl_exit reconcile_run(const struct ctl *ctl, const char *user, enum reconcile_mode mode)
{
	bool is_dry_run = mode == RECONCILE_DRY;
	unsigned int n_differing = 0;
	struct record_writer request;
	struct follow_result result;
	const struct follow_spec spec = {
		.request = &request,
		.total_ms = TOTAL_MS,
		.has_bar = true,
		.words = is_dry_run ? "looking at what differs" : "reconciling",
		.on_progress = is_dry_run ? print_plan : lines_print_failed,
		.context = &n_differing,
	};

	proto_begin_request(&request, PROTO_RECONCILE);
	record_add(&request, "user", user);
	record_add(&request, "dry-run", is_dry_run ? "1" : NULL);
	record_add(&request, "allow-mass-leave", mode == RECONCILE_MASS_LEAVE ? "1" : NULL);
	follow_run(ctl, &spec, &result);
	print_end(ctl, &result, is_dry_run, n_differing);
	return follow_explain(ctl, &result);
}

int cmd_reconcile(int argc, char **argv)
{
	static const struct option options[] = { { "dry-run", no_argument, NULL, 'n' },
						 { "allow-mass-leave", no_argument, NULL, 'm' },
						 { 0 } };
	enum reconcile_mode mode = RECONCILE_PLAIN;
	const char *user;
	struct ctl ctl;
	int option;

	ctl_init(&ctl);
	while ((option = ctl_option(&ctl, argc, argv, ":n", options)) != -1) {
		enum reconcile_mode wanted = option == 'm' ? RECONCILE_MASS_LEAVE : RECONCILE_DRY;

		if (option == '?')
			return CTL_USAGE;
		if (mode != RECONCILE_PLAIN && mode != wanted) {
			ctl_say(&ctl, "reconcile: --dry-run changes nothing and allows nothing");
			return CTL_USAGE;
		}
		mode = wanted;
	}
	user = ctl_user_word(&ctl, argc, argv, "");
	if (!user)
		return CTL_USAGE;
	if (*user && mode == RECONCILE_MASS_LEAVE) {
		ctl_say(&ctl, "reconcile: --allow-mass-leave is about everybody, not %s", user);
		return CTL_USAGE;
	}
	return (int)reconcile_run(&ctl, *user ? user : NULL, mode);
}
