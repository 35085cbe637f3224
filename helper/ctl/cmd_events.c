/* cmd_events.c - `devvmctl events [-f] [--json] [--user U] [-n N]`.
 *
 * One line per event as it comes. Past events are given relative to now; with -f, where
 * "just now" would soon be a lie, with their time of day.
 */
#include "ctl/cmd_events.h"

#include <getopt.h>
#include <jansson.h>
#include <syslog.h>
#include <time.h>

#include "base/clock.h"
#include "base/str.h"
#include "ctl/commands.h"
#include "ctl/online.h"
#include "ctl/output.h"

struct printer {
	const struct ctl *ctl;
	const struct events_query *query;
	uint64_t n_rows;
};

static int64_t number_of(const struct record *row, const char *key)
{
	const char *text = record_get(row, key);
	uint64_t value = 0;

	return text && str_to_uint(text, INT64_MAX, &value) == 0 ? (int64_t)value : 0;
}

static void format_time_of_day(int64_t at_usec, char ret_text[static CLOCK_RELATIVE_BYTES])
{
	time_t seconds = (time_t)(at_usec / 1000000);
	struct tm local = { 0 };

	if (!localtime_r(&seconds, &local) ||
	    !strftime(ret_text, CLOCK_RELATIVE_BYTES, "%b %d %H:%M:%S", &local))
		(void)snprintf(ret_text, CLOCK_RELATIVE_BYTES, "?");
}

static enum output_colour colour_of(int64_t priority)
{
	if (priority <= LOG_ERR)
		return OUTPUT_RED;
	return priority == LOG_WARNING ? OUTPUT_YELLOW : OUTPUT_PLAIN;
}

static int print_line(const struct printer *printer, const struct record *row)
{
	const struct ctl *ctl = printer->ctl;
	const char *user = record_get(row, "user");
	const char *step = record_get(row, "step");
	const char *text = record_get(row, "text");
	DV_AUTO_FREE char *clean = output_clean(text ? text : "", ctl->utf8);
	char when[CLOCK_RELATIVE_BYTES];

	if (!clean)
		return -ENOMEM;
	if (printer->query->follow)
		format_time_of_day(number_of(row, "at"), when);
	else
		clock_relative(number_of(row, "at"), clock_wall_usec(), when);
	(void)fprintf(ctl->out, "%-15s  %s%s%s: ", when, user && *user ? user : "machine",
		      step && *step ? " " : "", step ? step : "");
	output_put(ctl->out, ctl->colour, colour_of(number_of(row, "priority")), clean);
	(void)fputc('\n', ctl->out);
	return 0;
}

static void json_decrefp_local(json_t **json)
{
	json_decref(*json);
}

static int print_json(const struct printer *printer, const struct record *row)
{
	const char *text = record_get(row, "text");
	DV_CLEANUP(json_decrefp_local) json_t *event = NULL;
	char at[32];

	clock_format(number_of(row, "at"), at);
	event = json_pack("{s:I, s:s, s:I, s:s?, s:s?, s:s}", "id",
			  (json_int_t)number_of(row, "id"), "at", at, "priority",
			  (json_int_t)number_of(row, "priority"), "user", record_get(row, "user"),
			  "step", record_get(row, "step"), "text", text ? text : "");
	if (!event)
		return -ENOMEM;
	/* A stream that takes no more shows itself when it is flushed. */
	(void)json_dumpf(event, printer->ctl->out, JSON_COMPACT | JSON_PRESERVE_ORDER);
	(void)fputc('\n', printer->ctl->out);
	return 0;
}

static int on_row(const struct record *row, void *context, struct dv_error *err)
{
	struct printer *printer = context;
	int r;

	if (!str_equal(record_get(row, "kind"), "event"))
		return 0;
	printer->n_rows++;
	r = printer->query->as_json ? print_json(printer, row) : print_line(printer, row);
	if (r < 0)
		return dv_fail(err, r, "print an event");
	if (printer->query->follow && fflush(printer->ctl->out) != 0)
		return dv_fail(err, -errno, "print an event");
	return 0;
}

enum ctl_exit events_run(const struct ctl *ctl, const struct events_query *query)
{
	/* Printing may wait for a pager, so what is limited is the time between two rows. */
	const struct online_limits limits = {
		.idle_ms = query->follow ? 0 : ONLINE_ANSWER_MS,
	};
	struct printer printer = { .ctl = ctl, .query = query };
	struct record_writer request;
	enum ctl_exit exit_status;

	proto_begin_request(&request, PROTO_EVENTS);
	record_add(&request, "user", query->user);
	record_add_int(&request, "limit", (int64_t)query->limit);
	record_add(&request, "follow", query->follow ? "1" : NULL);
	exit_status = online_collect(ctl, &request, &limits, on_row, &printer);
	if (exit_status == CTL_OK && printer.n_rows == 0 && !query->as_json)
		(void)fputs("Nothing has happened yet.\n", ctl->out);
	return exit_status;
}

int cmd_events(int argc, char **argv)
{
	static const struct option options[] = {
		{ "follow", no_argument, NULL, 'f' },
		{ "json", no_argument, NULL, 'j' },
		{ "user", required_argument, NULL, 'u' },
		{ "lines", required_argument, NULL, 'n' },
		{ 0 },
	};
	struct events_query query = { .limit = EVENTS_SHOWN };
	struct ctl ctl;
	int option;

	ctl_init(&ctl);
	while ((option = ctl_option(&ctl, argc, argv, ":fn:u:", options)) != -1) {
		if (option == '?')
			return CTL_USAGE;
		query.follow |= option == 'f';
		query.as_json |= option == 'j';
		if (option == 'u')
			query.user = optarg;
		if (option == 'n' &&
		    ctl_number(&ctl, "--lines", optarg, EVENTS_MAX, &query.limit) < 0)
			return CTL_USAGE;
	}
	if (optind < argc) {
		ctl_say(&ctl, "events: %s is too much; --user takes a name", argv[optind]);
		return CTL_USAGE;
	}
	if (query.user && !str_is_user_name(query.user)) {
		ctl_say(&ctl, "events: \"%s\" is not a user name", query.user);
		return CTL_USAGE;
	}
	return (int)events_run(&ctl, &query);
}
