/* cmd_offboard.c - `devvmctl offboard USER [--archive [--yes]]`.
 *
 * The plan comes first, always; what cannot be taken back is done only for a name that was typed
 * again, or for --yes. */
#include "ctl/cmd_offboard.h"

#include <getopt.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "ctl/commands.h"
#include "ctl/follow.h"
#include "ctl/output.h"

#define PLAN_TOTAL_MS (10 * 60000)	/* measuring a home has five minutes */
#define ARCHIVE_TOTAL_MS (13 * 3600000) /* the unit's own limit */
#define SIZE_BYTES 32

struct plan {
	const struct ctl *ctl;
	bool was_told, is_refused;
};

static const char *value_of(const struct record *row, const char *key)
{
	const char *value = record_get(row, key);

	return value ? value : "";
}

static void print_value(const struct ctl *ctl, const char *name, const char *before,
			const char *value, const char *behind)
{
	DV_AUTO_FREE char *clean = output_clean(value, ctl->utf8);

	(void)fprintf(ctl->out, "  %-10s %s%s%s\n", name, before, clean ? clean : "?", behind);
}

static void format_size(const char *bytes, char ret_size[static SIZE_BYTES])
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
	uint64_t n = 0;
	size_t unit = 0;

	if (str_to_uint(bytes, INT64_MAX, &n) < 0) {
		(void)snprintf(ret_size, SIZE_BYTES, "unknown size");
		return;
	}
	for (; n >= 10240 && unit + 1 < DV_COUNT(units); unit++)
		n /= 1024;
	(void)snprintf(ret_size, SIZE_BYTES, "%" PRIu64 " %s", n, units[unit]);
}

static void print_running(const struct ctl *ctl, const struct record *row)
{
	DV_AUTO_FREE char *text = NULL;
	const char *first = value_of(row, "first-process");

	if (asprintf(&text, "%s session(s), %s process(es)%s%s%s", value_of(row, "sessions"),
		     value_of(row, "processes"), *first ? " (first: " : "", first,
		     *first ? ")" : "") < 0)
		text = NULL; /* asprintf(3): undefined then */
	print_value(ctl, "running", "", text ? text : "?", "");
}

static int on_row(const struct record *row, void *context, struct dv_error *err DV_UNUSED)
{
	struct plan *plan = context;
	const struct ctl *ctl = plan->ctl;
	const char *user = value_of(row, "user");
	const char *home = value_of(row, "home");
	const char *archive = value_of(row, "archive");
	const char *refused = value_of(row, "refused");
	char size[SIZE_BYTES];

	if (strcmp(value_of(row, "kind"), "offboard") != 0)
		return 0;
	plan->was_told = true;
	plan->is_refused = *refused != '\0';
	(void)fprintf(ctl->out, "%s (uid %s): %s\n", user, value_of(row, "uid"),
		      strcmp(value_of(row, "state"), "left") == 0 ? "left the roster"
								  : "on the roster");
	if (*home) {
		DV_AUTO_FREE char *behind = NULL;

		format_size(value_of(row, "bytes"), size);
		if (asprintf(&behind, ", %s in %s files and folders", size,
			     value_of(row, "entries")) < 0)
			behind = NULL; /* asprintf(3): undefined then */
		print_value(ctl, "home", "", home, behind ? behind : "");
		print_running(ctl, row);
	}
	if (*archive)
		print_value(ctl, "archive", "there is one: ", archive, "");
	else
		print_value(ctl, "archive", "/var/backups/devvm/homes/", user, "-UID-TIME.tar.zst");
	if (*home) {
		print_value(ctl, "remove", "the account ", user, ", its home and its env files");
		print_value(ctl, "keep", "", "uid, ports and backups: nobody else is given them",
			    "");
	}
	if (*refused)
		print_value(ctl, "not now", "", refused, "");
	return 0;
}

static enum ctl_exit show_plan(const struct offboard_query *query, struct plan *plan)
{
	const struct online_limits limits = { .total_ms = PLAN_TOTAL_MS };
	struct record_writer request;

	proto_begin_request(&request, PROTO_OFFBOARD);
	record_add(&request, "user", query->user);
	return online_collect(plan->ctl, &request, &limits, on_row, plan);
}

static bool was_typed(const struct ctl *ctl, const struct offboard_query *query)
{
	char line[STR_USER_NAME_MAX + 2] = "";

	(void)fprintf(ctl->out, "Type the name to archive the home and remove the account: ");
	(void)fflush(ctl->out); /* a prompt that cannot be shown is not answered */
	if (!fgets(line, sizeof(line), query->in))
		return false;
	line[strcspn(line, "\n")] = '\0';
	return strcmp(line, query->user) == 0;
}

static enum ctl_exit archive(const struct ctl *ctl, const char *user)
{
	struct record_writer request;
	struct follow_result result;
	const struct follow_spec spec = {
		.request = &request,
		.total_ms = ARCHIVE_TOTAL_MS,
		.has_bar = true,
		.words = "archiving the home",
	};

	proto_begin_request(&request, PROTO_OFFBOARD);
	record_add(&request, "user", user);
	record_add(&request, "archive", "1");
	follow_run(ctl, &spec, &result);
	if (result.end == FOLLOW_DONE)
		(void)fprintf(ctl->out, "%s\n", result.text);
	return follow_explain(ctl, &result);
}

enum ctl_exit offboard_run(const struct ctl *ctl, const struct offboard_query *query)
{
	struct plan plan = { .ctl = ctl };
	enum ctl_exit shown = show_plan(query, &plan);

	if (shown != CTL_OK)
		return shown;
	if (!query->is_archive) {
		(void)fputs("Nothing was changed.\n", ctl->out);
		return CTL_OK;
	}
	if (!plan.was_told || plan.is_refused) {
		ctl_say(ctl, "offboard: nothing was changed");
		return CTL_FAILED;
	}
	if (!query->is_sure && !was_typed(ctl, query)) {
		ctl_say(ctl, "offboard: that is not %s; nothing was changed", query->user);
		return CTL_FAILED;
	}
	return archive(ctl, query->user);
}

int cmd_offboard(int argc, char **argv)
{
	static const struct option options[] = { { "archive", no_argument, NULL, 'a' },
						 { "yes", no_argument, NULL, 'y' },
						 { 0 } };
	struct offboard_query query = { .in = stdin };
	struct ctl ctl;
	int option;

	ctl_init(&ctl);
	while ((option = ctl_option(&ctl, argc, argv, ":", options)) != -1) {
		if (option == '?')
			return CTL_USAGE;
		query.is_archive |= option == 'a';
		query.is_sure |= option == 'y';
	}
	query.user = ctl_user_word(&ctl, argc, argv, NULL);
	if (!query.user)
		return CTL_USAGE;
	if (query.is_sure && !query.is_archive) {
		ctl_say(&ctl, "offboard: --yes is for --archive");
		return CTL_USAGE;
	}
	if (query.is_archive && !query.is_sure && !isatty(STDIN_FILENO)) {
		ctl_say(&ctl, "offboard: nobody is there to type the name; --yes goes without");
		return CTL_USAGE;
	}
	return (int)offboard_run(&ctl, &query);
}
