/* cmd_backups.c - `devvmctl backups [USER] [--json]` and `devvmctl backup [USER]`. */
#include "ctl/cmd_backups.h"

#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>

#include "base/str.h"
#include "ctl/commands.h"
#include "ctl/follow.h"
#include "ctl/online.h"
#include "ctl/output.h"

#define BACKUP_TOTAL_MS (6 * 3600 * INT64_C(1000)) /* as long as the unit may take */

struct printer {
	const struct ctl *ctl;
	bool as_json;
	struct output_table table;
	uint64_t n_rows;
};

static int64_t number_of(const struct record *row, const char *key)
{
	const char *text = record_get(row, key);
	uint64_t value = 0;

	return text && str_to_uint(text, INT64_MAX, &value) == 0 ? (int64_t)value : -1;
}

static const char *text_of(const struct record *row, const char *key)
{
	const char *text = record_get(row, key);

	return text ? text : "";
}

static void format_size(int64_t bytes, char ret_text[static 32])
{
	ret_text[0] = '\0';
	if (bytes >= 0)
		(void)snprintf(ret_text, 32, "%.1f MiB", (double)bytes / (1 << 20));
}

static int add_line(struct printer *printer, const struct record *row)
{
	DV_AUTO_FREE char *error = output_clean(text_of(row, "error"), printer->ctl->utf8);
	bool is_ok = str_equal(record_get(row, "state"), "ok");
	char size[32], level[32] = "", took[32];

	format_size(number_of(row, "bytes"), size);
	if (number_of(row, "level") >= 0)
		(void)snprintf(level, sizeof(level), "%" PRId64, number_of(row, "level"));
	(void)snprintf(took, sizeof(took), "%.1f s", (double)number_of(row, "took") / 1000);
	if (!error)
		return -ENOMEM;
	return output_table_add(&printer->table,
				(struct output_cell[]){
					{ text_of(row, "user"), OUTPUT_PLAIN },
					{ text_of(row, "id"), OUTPUT_PLAIN },
					{ text_of(row, "state"),
					  is_ok ? OUTPUT_PLAIN : OUTPUT_RED },
					{ size, OUTPUT_PLAIN },
					{ level, OUTPUT_PLAIN },
					{ took, OUTPUT_PLAIN },
					{ text_of(row, "reason"), OUTPUT_PLAIN },
					{ text_of(row, "needed-by"), OUTPUT_PLAIN },
					{ error, OUTPUT_RED },
				});
}

static json_t *number_json(const struct record *row, const char *key)
{
	int64_t number = number_of(row, key);

	return number < 0 ? json_null() : json_integer(number);
}

static json_t *text_json(const struct record *row, const char *key)
{
	const char *text = text_of(row, key);

	return *text ? json_string(text) : json_null();
}

static int print_json(const struct printer *printer, const struct record *row)
{
	json_t *rows = json_loads(text_of(row, "rows"), 0, NULL);
	json_t *backup =
		json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "user",
			  text_of(row, "user"), "id", text_of(row, "id"), "state",
			  text_of(row, "state"), "reason", text_of(row, "reason"), "took_ms",
			  number_json(row, "took"), "bytes", number_json(row, "bytes"), "level",
			  number_json(row, "level"), "sha256", text_json(row, "sha256"), "rows",
			  rows ? rows : json_null(), "needed_by", text_json(row, "needed-by"),
			  "error", text_json(row, "error"));

	if (!backup)
		return -ENOMEM;
	/* A stream that takes no more shows itself when it is flushed. */
	(void)json_dumpf(backup, printer->ctl->out, JSON_COMPACT | JSON_PRESERVE_ORDER);
	(void)fputc('\n', printer->ctl->out);
	json_decref(backup);
	return 0;
}

static int on_row(const struct record *row, void *context, struct dv_error *err)
{
	struct printer *printer = context;
	int r;

	if (!str_equal(record_get(row, "kind"), "backup"))
		return 0;
	printer->n_rows++;
	r = printer->as_json ? print_json(printer, row) : add_line(printer, row);
	return r < 0 ? dv_fail(err, r, "print a backup") : 0;
}

static void printer_done(struct printer *printer)
{
	output_table_done(&printer->table);
}

enum ctl_exit backups_run(const struct ctl *ctl, const char *user, bool as_json)
{
	static const char *const headings[] = { "USER", "ID",	  "STATE",     "SIZE", "LEVEL",
						"TOOK", "REASON", "NEEDED BY", "WHY",  NULL };
	const struct online_limits limits = { .idle_ms = ONLINE_ANSWER_MS };
	DV_CLEANUP(printer_done) struct printer printer = { .ctl = ctl, .as_json = as_json };
	struct record_writer request;
	enum ctl_exit exit_status;

	if (output_table_init(&printer.table, headings, ctl->utf8) < 0) {
		ctl_say(ctl, "out of memory");
		return CTL_FAILED;
	}
	proto_begin_request(&request, PROTO_BACKUPS);
	record_add(&request, "user", user);
	exit_status = online_collect(ctl, &request, &limits, on_row, &printer);
	if (exit_status != CTL_OK || as_json)
		return exit_status;
	if (printer.n_rows > 0)
		output_table_print(&printer.table, ctl->out, ctl->colour);
	else
		(void)fputs("There is no backup yet; devvmctl backup makes one.\n", ctl->out);
	return CTL_OK;
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
