/* cmd_reconcile.c - `devvmctl reconcile [USER] [--dry-run [--json]]`. */
#include "ctl/cmd_reconcile.h"

#include <getopt.h>
#include <jansson.h>

#include "base/str.h"
#include "ctl/commands.h"
#include "ctl/follow.h"
#include "ctl/lines.h"

#define TOTAL_MS 1800000 /* the unit's own limit is ten minutes, and one may run before ours */

/* What a plan has shown, by the sign of its lines. */
struct plan {
	bool as_json;
	unsigned int n_add, n_change, n_remove, n_trouble;
};

static const char *text_of(const struct record *progress, const char *key)
{
	const char *text = record_get(progress, key);

	return text && *text ? text : NULL;
}

/* One object per line; `user` is null for what belongs to the machine. */
static void print_json(const struct ctl *ctl, const struct record *progress)
{
	json_t *line = json_pack("{s:s?, s:s?, s:s?, s:s?}", "action", text_of(progress, "status"),
				 "user", text_of(progress, "user"), "step",
				 text_of(progress, "step"), "what", text_of(progress, "text"));

	if (!line) {
		ctl_say(ctl, "out of memory: a line of the plan is missing");
		return;
	}
	/* A stream that takes no more shows itself when it is flushed. */
	(void)json_dumpf(line, ctl->out, JSON_COMPACT | JSON_PRESERVE_ORDER);
	(void)fputc('\n', ctl->out);
	json_decref(line);
}

static void print_plan(const struct ctl *ctl, const struct record *progress, void *context)
{
	struct plan *plan = context;
	const char *status = record_get(progress, "status");
	char sign = proto_plan_sign(status ? status : "");

	plan->n_add += sign == '+';
	plan->n_change += sign == '~';
	plan->n_remove += sign == '-';
	plan->n_trouble += sign == '!';
	if (sign && plan->as_json)
		print_json(ctl, progress);
	else if (sign)
		lines_print(ctl, sign, progress);
}

static void print_plan_end(const struct ctl *ctl, const struct plan *plan)
{
	if (plan->as_json)
		return;
	if (plan->n_add + plan->n_change + plan->n_remove > 0)
		(void)fprintf(ctl->out, "%u to add, %u to change, %u to remove.\n", plan->n_add,
			      plan->n_change, plan->n_remove);
	else if (plan->n_trouble == 0)
		(void)fputs("Nothing to do.\n", ctl->out);
}

static void print_end(const struct ctl *ctl, const struct follow_result *result)
{
	if (result->n_failed > 0)
		(void)fprintf(ctl->out,
			      "%u step%s failed; devvmctl status says what happens next.\n",
			      result->n_failed, result->n_failed == 1 ? "" : "s");
	else
		(void)fputs("The machine is as the roster says.\n", ctl->out);
}

enum ctl_exit reconcile_run(const struct ctl *ctl, const char *user, enum reconcile_mode mode)
{
	bool is_plan = mode == RECONCILE_DRY || mode == RECONCILE_DRY_JSON;
	struct plan plan = { .as_json = mode == RECONCILE_DRY_JSON };
	struct record_writer request;
	struct follow_result result;
	const struct follow_spec spec = {
		.request = &request,
		.total_ms = TOTAL_MS,
		.has_bar = true,
		.words = is_plan ? "looking at what differs" : "reconciling",
		.on_progress = is_plan ? print_plan : lines_print_failed,
		.context = &plan,
	};
	enum ctl_exit status;

	proto_begin_request(&request, PROTO_RECONCILE);
	record_add(&request, "user", user);
	record_add(&request, "dry-run", is_plan ? "1" : NULL);
	record_add(&request, "allow-mass-leave", mode == RECONCILE_MASS_LEAVE ? "1" : NULL);
	follow_run(ctl, &spec, &result);
	if (result.end == FOLLOW_DONE && is_plan)
		print_plan_end(ctl, &plan);
	else if (result.end == FOLLOW_DONE)
		print_end(ctl, &result);
	if (result.end == FOLLOW_DONE && *result.text)
		(void)fprintf(plan.as_json ? ctl->messages : ctl->out, "(%s)\n", result.text);
	status = follow_explain(ctl, &result);
	return status == CTL_OK && plan.n_trouble > 0 ? CTL_FAILED : status;
}

/* -1: these do not go together. */
static int choose_mode(bool dry_run, bool as_json, bool mass_leave)
{
	if (mass_leave)
		return dry_run || as_json ? -1 : RECONCILE_MASS_LEAVE;
	if (as_json)
		return dry_run ? RECONCILE_DRY_JSON : -1;
	return dry_run ? RECONCILE_DRY : RECONCILE_PLAIN;
}

int cmd_reconcile(int argc, char **argv)
{
	static const struct option options[] = { { "dry-run", no_argument, NULL, 'n' },
						 { "json", no_argument, NULL, 'j' },
						 { "allow-mass-leave", no_argument, NULL, 'm' },
						 { 0 } };
	bool dry_run = false, as_json = false, mass_leave = false;
	const char *user;
	struct ctl ctl;
	int option, mode;

	ctl_init(&ctl);
	while ((option = ctl_option(&ctl, argc, argv, ":n", options)) != -1) {
		if (option == '?')
			return CTL_USAGE;
		dry_run |= option == 'n';
		as_json |= option == 'j';
		mass_leave |= option == 'm';
	}
	mode = choose_mode(dry_run, as_json, mass_leave);
	if (mode < 0) {
		ctl_say(&ctl, mass_leave ? "reconcile: --dry-run changes nothing and allows nothing"
					 : "reconcile: --json goes with --dry-run");
		return CTL_USAGE;
	}
	user = ctl_user_word(&ctl, argc, argv, "");
	if (!user)
		return CTL_USAGE;
	if (*user && mass_leave) {
		ctl_say(&ctl, "reconcile: --allow-mass-leave is about everybody, not %s", user);
		return CTL_USAGE;
	}
	return (int)reconcile_run(&ctl, *user ? user : NULL, (enum reconcile_mode)mode);
}
