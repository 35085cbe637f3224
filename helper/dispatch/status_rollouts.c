/* status_rollouts.c - see status_rollouts.h. */
#include "dispatch/status_rollouts.h"

#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "dispatch/html.h"

/* What is not as it was meant to go, of a run and of a person in it (ledger/update_log.h). */
static bool is_setback(const char *state)
{
	static const char *const words[] = { "rollback", "failed", "undoing",	"back",
					     "excluded", "stayed", "superseded" };

	for (size_t i = 0; i < DV_COUNT(words); i++) {
		if (strcmp(words[i], state) == 0)
			return true;
	}
	return false;
}

static void print_state(FILE *out, const struct status_transition *transition)
{
	(void)fputs(is_setback(transition->state) ? "<strong class=\"bad\">" : "<strong>", out);
	html_text(out, transition->state);
	(void)fputs("</strong>", out);
}

/* The states that one person goes through at a stretch are one line; how many they are. */
static size_t print_person_states(FILE *out, const struct status_run *run, size_t first)
{
	const char *user = run->transitions[first].user;
	size_t n = 0;

	(void)fputc(' ', out);
	html_text(out, user);
	(void)fputs(": ", out);
	for (; first + n < run->n_transitions; n++) {
		const struct status_transition *transition = &run->transitions[first + n];

		if (strcmp(transition->user, user) != 0)
			break;
		(void)fputs(n > 0 ? ", " : "", out);
		print_state(out, transition);
		if (*transition->text) {
			(void)fputs(" (", out);
			html_text(out, transition->text);
			(void)fputc(')', out);
		}
	}
	return n;
}

static void print_timeline(FILE *out, const struct status_run *run, int64_t now_usec)
{
	size_t i = 0;

	(void)fputs("<ol class=\"timeline\">", out);
	while (i < run->n_transitions) {
		const struct status_transition *transition = &run->transitions[i];

		(void)fputs("<li>", out);
		html_time(out, transition->at_usec, now_usec);
		if (*transition->user) {
			i += print_person_states(out, run, i);
		} else {
			(void)fputc(' ', out);
			print_state(out, transition);
			if (*transition->text) {
				(void)fputs(": ", out);
				html_text(out, transition->text);
			}
			i++;
		}
		(void)fputs("</li>", out);
	}
	(void)fputs("</ol>", out);
}

static void print_run(FILE *out, const struct status_run *run, int64_t now_usec)
{
	(void)fprintf(out,
		      "<details id=\"run-%" PRId64 "\"%s><summary id=\"open-run-%" PRId64 "\">",
		      run->id, run->ended_usec ? "" : " open", run->id);
	html_time(out, run->began_usec, now_usec);
	(void)fputs(": ", out);
	html_text(out, *run->from ? run->from : "nothing");
	(void)fputs(" to ", out);
	html_text(out, *run->to ? run->to : "what the registry says");
	(void)fputs(", <strong>", out);
	html_text(out, run->ended_usec ? run->outcome : "under way");
	(void)fputs("</strong>", out);
	if (*run->reason) {
		(void)fputs(" (", out);
		html_text(out, run->reason);
		(void)fputs(")", out);
	}
	(void)fputs("</summary>", out);
	print_timeline(out, run, now_usec);
	(void)fputs("</details>", out);
}

/* Whose version waits for them, and why. */
static void print_waiting(FILE *out, const struct status *status)
{
	for (size_t i = 0; i < status->n_people; i++) {
		if (!*status->people[i].waiting)
			continue;
		(void)fputs("<p>", out);
		html_text(out, status->people[i].waiting);
		(void)fputs("</p>", out);
	}
}

void status_rollouts_print(FILE *out, const struct status *status, int64_t now_usec)
{
	(void)fputs("<h2>Updates of t3</h2>", out);
	if (*status->machine.frozen) {
		(void)fputs("<p class=\"alert\"><strong>Versions are frozen</strong>: ", out);
		html_text(out, status->machine.frozen);
		(void)fputs("</p>", out);
	}
	print_waiting(out, status);
	if (status->n_runs == 0)
		(void)fputs("<p>No run yet.</p>", out);
	for (size_t i = 0; i < status->n_runs; i++)
		print_run(out, &status->runs[i], now_usec);
}
