/* status_text.c - the table and the sentences. See status.h. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "ctl/output.h"
#include "ctl/status_text.h"

#define NUMBER_BYTES 24
#define CLOSED_SHOWN_USEC (7 * 24 * 3600 * INT64_C(1000000)) /* a week */

static bool is_failed(const struct status_step *step)
{
	return strcmp(step->status, "failed") == 0;
}

/* "-" (by the table) when it is not known. */
static const char *format_number(int64_t number, char ret_text[static NUMBER_BYTES])
{
	ret_text[0] = '\0';
	if (number != STATUS_NO_NUMBER)
		(void)snprintf(ret_text, NUMBER_BYTES, "%" PRId64, number);
	return ret_text;
}

/* The names of the failed steps: "code, claude". NULL when memory is short. */
static char *failed_names(const struct status_steps *steps)
{
	DV_AUTO_STR_LIST struct str_list names = { 0 };

	for (size_t i = 0; i < steps->n_items; i++) {
		if (is_failed(&steps->items[i]) && str_list_add(&names, steps->items[i].name) < 0)
			return NULL;
	}
	return str_list_join(&names, ", ");
}

/* "next try in 40 s", after how many. */
static void format_retry(const struct status_step *step, int64_t now_usec, char *ret_text,
			 size_t n_bytes)
{
	char when[CLOCK_RELATIVE_BYTES] = "now";
	char tries[40] = "";

	if (step->next_retry_usec > now_usec)
		clock_relative(step->next_retry_usec, now_usec, when);
	if (step->attempts > 1)
		(void)snprintf(tries, sizeof(tries), "tried %" PRId64 " times, ", step->attempts);
	if (step->next_retry_usec == 0)
		(void)snprintf(ret_text, n_bytes, "%snot tried again by itself", tries);
	else
		(void)snprintf(ret_text, n_bytes, "%snext try %s", tries, when);
}

/* "emo: code failed: git clone …: no route (tried 3 times, next try in 40 s)" */
static void print_failed_steps(const struct ctl *ctl, const char *whose,
			       const struct status_steps *steps, int64_t now_usec)
{
	for (size_t i = 0; i < steps->n_items; i++) {
		const struct status_step *step = &steps->items[i];
		DV_AUTO_FREE char *error = output_clean(step->error, ctl->utf8);
		char retry[80];

		if (!is_failed(step))
			continue;
		format_retry(step, now_usec, retry, sizeof(retry));
		(void)fprintf(ctl->out, "%s: ", whose);
		output_put(ctl->out, ctl->colour, OUTPUT_RED, step->name);
		output_put(ctl->out, ctl->colour, OUTPUT_RED, " failed");
		(void)fprintf(ctl->out, "%s%s (%s)\n", error && *error ? ": " : "",
			      error ? error : "", retry);
	}
}

static const char *state_word(const struct status_person *person)
{
	if (person->is_held)
		return "held";
	return person->is_parked && strcmp(person->state, "present") == 0 ? "parked"
									  : person->state;
}

/* "t3, browser"; NULL when memory is short. */
static char *running_names(const struct status_person *person)
{
	DV_AUTO_STR_LIST struct str_list names = { 0 };

	for (size_t i = 0; i < STATUS_N_INSTANCES; i++) {
		if (person->runs[i] &&
		    str_list_add(&names, status_instance_name((enum status_instance)i)) < 0)
			return NULL;
	}
	return str_list_join(&names, ", ");
}

static int add_person_row(struct output_table *table, const struct status_person *person)
{
	DV_AUTO_FREE char *problem = failed_names(&person->steps);
	DV_AUTO_FREE char *runs = running_names(person);
	char uid[NUMBER_BYTES], t3[NUMBER_BYTES], playwright[NUMBER_BYTES];
	bool is_working = strcmp(person->home, "idle") != 0;

	if (!problem || !runs)
		return -ENOMEM;
	return output_table_add(table,
				(struct output_cell[]){
					{ person->user, OUTPUT_PLAIN },
					{ person->tier, OUTPUT_PLAIN },
					{ state_word(person), OUTPUT_PLAIN },
					{ format_number(person->uid, uid), OUTPUT_PLAIN },
					{ format_number(person->t3_port, t3), OUTPUT_PLAIN },
					{ format_number(person->playwright_port, playwright),
					  OUTPUT_PLAIN },
					{ runs, OUTPUT_PLAIN },
					{ person->home, is_working ? OUTPUT_YELLOW : OUTPUT_PLAIN },
					{ problem, OUTPUT_RED },
				});
}

/* It is closed, but somebody opened it, and may again. */
static void print_closed(const struct status_machine *machine, const struct ctl *ctl,
			 int64_t now_usec)
{
	DV_AUTO_FREE char *paths = NULL;
	char when[CLOCK_RELATIVE_BYTES];

	if (!*machine->closed || now_usec - machine->closed_usec > CLOSED_SHOWN_USEC)
		return;
	paths = output_clean(machine->closed, ctl->utf8);
	clock_relative(machine->closed_usec, now_usec, when);
	output_put(ctl->out, ctl->colour, OUTPUT_YELLOW, "Found open to others and closed");
	(void)fprintf(ctl->out, ", %s: %s\n", when, paths ? paths : "a protected tree");
}

/* A freeze that somebody forgot, and a run that wants somebody. */
static void print_update(const struct status_machine *machine, const struct ctl *ctl,
			 int64_t now_usec)
{
	DV_AUTO_FREE char *frozen = output_clean(machine->frozen, ctl->utf8);
	DV_AUTO_FREE char *text = output_clean(machine->update_text, ctl->utf8);
	char when[CLOCK_RELATIVE_BYTES];

	if (*machine->frozen) {
		output_put(ctl->out, ctl->colour, OUTPUT_YELLOW, "Versions are frozen");
		(void)fprintf(ctl->out, ": %s\n", frozen ? frozen : "");
	}
	if (!*machine->update)
		return;
	clock_relative(machine->update_usec, now_usec, when);
	(void)fprintf(ctl->out, "Last update, %s: %s: %s\n", when, machine->update,
		      text ? text : "");
}

static void print_refused(const struct ctl *ctl, const char *what, const char *error,
			  const char *then)
{
	DV_AUTO_FREE char *why = output_clean(error, ctl->utf8);

	output_put(ctl->out, ctl->colour, OUTPUT_RED, what);
	(void)fprintf(ctl->out, ": %s\n%s that line and it is read again by itself.\n",
		      why ? why : "", then);
}

static void print_machine(const struct status_machine *machine, const struct ctl *ctl,
			  int64_t now_usec)
{
	print_failed_steps(ctl, "machine", &machine->steps, now_usec);
	if (!machine->is_known)
		return;
	print_closed(machine, ctl, now_usec);
	print_update(machine, ctl, now_usec);
	if (machine->running > 0 || machine->queued > 0)
		(void)fprintf(ctl->out,
			      "Homes being prepared: %" PRId64 ", waiting: %" PRId64 ".\n",
			      machine->running > 0 ? machine->running : 0,
			      machine->queued > 0 ? machine->queued : 0);
	if (strcmp(machine->reconcile, "running") == 0)
		(void)fputs("A reconcile is running.\n", ctl->out);
	if (strcmp(machine->reconcile, "pending") == 0)
		(void)fputs("A reconcile is about to run.\n", ctl->out);
	if (*machine->config_error)
		print_refused(ctl, "devvm.yaml is refused", machine->config_error, "Correct");
	if (strcmp(machine->roster, "refused") == 0)
		print_refused(ctl, "The roster is refused", machine->roster_error,
			      "The last good one stays in force; correct");
}

/* Nobody's session is ended by a roster: whoever looks is told of it. */
static void print_sessions(const struct ctl *ctl, const struct status_person *person)
{
	if (person->sessions > 0)
		(void)fprintf(ctl->out,
			      "%s has left and has %" PRId64 " session%s open: loginctl "
			      "terminate-user %s ends what they have\n",
			      person->user, person->sessions, person->sessions == 1 ? "" : "s",
			      person->user);
}

/* What they decide: when the next version is theirs. */
static void print_waiting(const struct ctl *ctl, const struct status_person *person)
{
	DV_AUTO_FREE char *text = output_clean(person->waiting, ctl->utf8);

	if (*person->waiting)
		(void)fprintf(ctl->out,
			      "%s; devvmctl update --now %s moves them when they are idle\n",
			      text ? text : "", person->user);
}

int status_print_table(const struct status *status, const struct ctl *ctl, int64_t now_usec)
{
	static const char *const headings[] = { "USER",	      "TIER", "STATE", "UID",	  "T3",
						"PLAYWRIGHT", "RUNS", "HOME",  "PROBLEM", NULL };
	DV_AUTO_OUTPUT_TABLE struct output_table table = { 0 };
	int r = output_table_init(&table, headings, ctl->utf8);

	for (size_t i = 0; r == 0 && i < status->n_people; i++)
		r = add_person_row(&table, &status->people[i]);
	if (r < 0)
		return r;
	if (status->n_people > 0)
		output_table_print(&table, ctl->out, ctl->colour);
	else
		(void)fputs("There is nobody to show.\n", ctl->out);
	for (size_t i = 0; i < status->n_people; i++)
		print_failed_steps(ctl, status->people[i].user, &status->people[i].steps, now_usec);
	for (size_t i = 0; i < status->n_people; i++)
		print_sessions(ctl, &status->people[i]);
	for (size_t i = 0; i < status->n_people; i++)
		print_waiting(ctl, &status->people[i]);
	print_machine(&status->machine, ctl, now_usec);
	return 0;
}

static const char *login_words(const char *login)
{
	if (strcmp(login, "none") == 0)
		return "no claude login of their own";
	if (strcmp(login, "own") == 0)
		return "a claude login of their own";
	if (strcmp(login, "unreadable") == 0)
		return "the home could not be looked into";
	return "nobody has looked yet";
}

static void print_line(const struct ctl *ctl, const char *name, const char *text)
{
	DV_AUTO_FREE char *clean = output_clean(*text ? text : "-", ctl->utf8);

	(void)fprintf(ctl->out, "  %-11s %s\n", name, clean ? clean : "-");
}

static void print_facts(const struct status_person *person, const struct ctl *ctl)
{
	DV_AUTO_FREE char *runs = running_names(person);
	char uid[NUMBER_BYTES], t3[NUMBER_BYTES], playwright[NUMBER_BYTES];

	output_put(ctl->out, ctl->colour, OUTPUT_BOLD, person->user);
	(void)fputc('\n', ctl->out);
	print_line(ctl, "identity", person->identity);
	print_line(ctl, "tier", person->tier);
	print_line(ctl, "state", state_word(person));
	print_line(ctl, "uid", format_number(person->uid, uid));
	print_line(ctl, "t3", format_number(person->t3_port, t3));
	print_line(ctl, "playwright", format_number(person->playwright_port, playwright));
	print_line(ctl, "version", person->t3_version);
	print_line(ctl, "runs", runs ? runs : "");
	print_line(ctl, "login", login_words(person->login));
	print_line(ctl, "ticket", person->has_ticket ? "yes" : "no");
	print_line(ctl, "home", person->home);
}

int status_print_person(const struct status_person *person, const struct ctl *ctl, int64_t now_usec)
{
	static const char *const headings[] = { "STEP", "STATUS", "SINCE", NULL };
	DV_AUTO_OUTPUT_TABLE struct output_table table = { 0 };
	int r = output_table_init(&table, headings, ctl->utf8);

	for (size_t i = 0; r == 0 && i < person->steps.n_items; i++) {
		const struct status_step *step = &person->steps.items[i];
		char when[CLOCK_RELATIVE_BYTES];

		clock_relative(step->updated_usec, now_usec, when);
		r = output_table_add(&table,
				     (struct output_cell[]){
					     { step->name, OUTPUT_PLAIN },
					     { step->status,
					       is_failed(step) ? OUTPUT_RED : OUTPUT_PLAIN },
					     { when, OUTPUT_PLAIN },
				     });
	}
	if (r < 0)
		return r;
	print_facts(person, ctl);
	(void)fputc('\n', ctl->out);
	if (person->steps.n_items > 0)
		output_table_print(&table, ctl->out, ctl->colour);
	else
		(void)fputs("No step has run yet.\n", ctl->out);
	print_failed_steps(ctl, person->user, &person->steps, now_usec);
	print_sessions(ctl, person);
	print_waiting(ctl, person);
	return 0;
}
