/* cmd_backups.c - `devvmctl backups [USER] [--json]` `devvmctl backup [USER]` and
 * `devvmctl restore USER [ID] [--dry-run] [--force]`. */
#include "ctl/cmd_backups.h"

#include <getopt.h>
#include <inttypes.h>

#include "base/str.h"
#include "ctl/commands.h"
#include "ctl/follow.h"
#include "ctl/rows.h"

/* devvm-backup@ and devvm-restore@ have 25 h: backup.deadline may be a day. */
#define BACKUP_TOTAL_MS (25 * INT64_C(3600000) + 5 * 60000)

static void format_size(int64_t bytes, char ret_text[static 32])
{
	ret_text[0] = '\0';
	if (bytes >= 0)
		(void)snprintf(ret_text, 32, "%.1f MiB", (double)bytes / (1 << 20));
}

static int add_line(struct output_table *table, const struct record *row, bool utf8)
{
	DV_AUTO_FREE char *error = output_clean(rows_text(row, "error"), utf8);
	bool is_ok = str_equal(record_get(row, "state"), "ok");
	char size[32], level[32] = "", took[32];

	format_size(rows_number(row, "bytes"), size);
	if (rows_number(row, "level") >= 0)
		(void)snprintf(level, sizeof(level), "%" PRId64, rows_number(row, "level"));
	(void)snprintf(took, sizeof(took), "%.1f s", (double)rows_number(row, "took") / 1000);
	if (!error)
		return -ENOMEM;
	return output_table_add(table, (struct output_cell[]){
					       { rows_text(row, "user"), OUTPUT_PLAIN },
					       { rows_text(row, "id"), OUTPUT_PLAIN },
					       { rows_text(row, "state"),
						 is_ok ? OUTPUT_PLAIN : OUTPUT_RED },
					       { size, OUTPUT_PLAIN },
					       { level, OUTPUT_PLAIN },
					       { rows_text(row, "version"), OUTPUT_PLAIN },
					       { took, OUTPUT_PLAIN },
					       { rows_text(row, "reason"), OUTPUT_PLAIN },
					       { rows_text(row, "needed-by"), OUTPUT_PLAIN },
					       { error, OUTPUT_RED },
				       });
}

static json_t *to_json(const struct record *row)
{
	json_t *rows = json_loads(rows_text(row, "rows"), 0, NULL);

	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "user",
			 rows_text(row, "user"), "id", rows_text(row, "id"), "state",
			 rows_text(row, "state"), "reason", rows_text(row, "reason"), "took_ms",
			 rows_number_json(row, "took"), "bytes", rows_number_json(row, "bytes"),
			 "level", rows_number_json(row, "level"), "version",
			 rows_text_json(row, "version"), "sha256", rows_text_json(row, "sha256"),
			 "rows", rows ? rows : json_null(), "needed_by",
			 rows_text_json(row, "needed-by"), "error", rows_text_json(row, "error"));
}

enum ctl_exit backups_run(const struct ctl *ctl, const char *user, bool as_json)
{
	static const char *const headings[] = { "USER",	     "ID",  "STATE", "SIZE",
						"LEVEL",     "T3",  "TOOK",  "REASON",
						"NEEDED BY", "WHY", NULL };
	const struct rows_spec spec = {
		.verb = PROTO_BACKUPS,
		.user = user,
		.kind = "backup",
		.headings = headings,
		.none = "There is no backup yet; devvmctl backup makes one.",
		.add_line = add_line,
		.to_json = to_json
	};

	return rows_run(ctl, &spec, as_json);
}

enum ctl_exit backup_run(const struct ctl *ctl, const char *user)
{
	struct record_writer request;
	struct follow_result result;
	const struct follow_spec spec = { .request = &request,
					  .total_ms = BACKUP_TOTAL_MS,
					  .has_bar = true,
					  .words = "copying databases" };

	proto_begin_request(&request, PROTO_BACKUP);
	record_add(&request, "user", user);
	follow_run(ctl, &spec, &result);
	if (result.end == FOLLOW_DONE)
		(void)fprintf(ctl->out, "%s\n", *result.text ? result.text : "It is backed up.");
	return follow_explain(ctl, &result);
}

enum ctl_exit restore_run(const struct ctl *ctl, const char *user, const char *id, bool is_dry,
			  bool is_forced)
{
	struct record_writer request;
	struct follow_result result;
	const struct follow_spec spec = { .request = &request,
					  .total_ms = BACKUP_TOTAL_MS,
					  .has_bar = !is_dry,
					  .words = "putting the copy back" };

	proto_begin_request(&request, PROTO_RESTORE);
	record_add(&request, "user", user);
	record_add(&request, "id", id);
	record_add(&request, "dry-run", is_dry ? "1" : NULL);
	record_add(&request, "force", is_forced ? "1" : NULL);
	follow_run(ctl, &spec, &result);
	if (result.end == FOLLOW_DONE)
		(void)fprintf(ctl->out, "%s\n", *result.text ? result.text : "It is restored.");
	return follow_explain(ctl, &result);
}

int cmd_restore(int argc, char **argv)
{
	static const struct option options[] = { { "dry-run", no_argument, NULL, 'n' },
						 { "force", no_argument, NULL, 'f' },
						 { 0 } };
	bool is_dry = false, is_forced = false;
	struct ctl ctl;
	int option, n;

	ctl_init(&ctl);
	while ((option = ctl_option(&ctl, argc, argv, ":n", options)) != -1) {
		if (option == '?')
			return CTL_USAGE;
		is_dry |= option == 'n';
		is_forced |= option == 'f';
	}
	n = argc - optind;
	if (n < 1 || n > 2) {
		ctl_say(&ctl, "restore: say whose database, and at most one ID");
		return CTL_USAGE;
	}
	return (int)restore_run(&ctl, argv[optind], n == 2 ? argv[optind + 1] : NULL, is_dry,
				is_forced);
}

int cmd_backups(int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { 0 } };
	bool as_json = false;
	const char *user;
	struct ctl ctl;

	ctl_init(&ctl);
	user = ctl_flag_and_user(&ctl, argc, argv, ":", options, &as_json);
	if (!user)
		return CTL_USAGE;
	return (int)backups_run(&ctl, *user ? user : NULL, as_json);
}

int cmd_backup(int argc, char **argv)
{
	static const struct option options[] = { { 0 } };
	bool has_flag = false;
	const char *user;
	struct ctl ctl;

	ctl_init(&ctl);
	user = ctl_flag_and_user(&ctl, argc, argv, ":", options, &has_flag);
	if (!user)
		return CTL_USAGE;
	return (int)backup_run(&ctl, *user ? user : NULL);
}
