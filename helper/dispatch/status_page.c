/* status_page.c - see status_page.h. */
#include "dispatch/status_page.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "dispatch/html.h"
#include "dispatch/page.h"
#include "dispatch/status_rollouts.h"

static const char STYLE[] =
	"body{max-width:72rem;margin:2rem auto}header p{margin:.25rem 0;color:var(--soft)}"
	"h2{font-size:1.1rem;margin:2rem 0 .5rem}.scroll{overflow-x:auto}"
	"table{border-collapse:collapse;width:100%}caption{text-align:left;font-size:.9rem;"
	"color:var(--soft);padding-bottom:.25rem}th,td{text-align:left;vertical-align:top;padding:"
	".4rem .9rem .4rem 0;border-bottom:1px solid var(--line);font-variant-numeric:tabular-nums}"
	"th{font-weight:600;white-space:nowrap}td.now{white-space:nowrap}"
	"summary{cursor:pointer}details ul{margin:.25rem 0;padding-left:1.1rem}"
	".bad{color:var(--bad)}.off{color:var(--soft)}"
	".alert{border-left:.3rem solid var(--bad);padding:.4rem .8rem;margin:1rem 0}";

/* What was open, focused or scrolled stays so. The style of the answer has another nonce than this page's. */
static const char SCRIPT[] =
	"async function again(){try{if(!document.hidden){"
	"const answer=await fetch(location.href,{cache:'no-store',credentials:'same-origin'});"
	"if(answer.ok){const page=new DOMParser().parseFromString((await answer.text())"
	".replace(/<style[^]*?<\\/style>/,''),'text/html');"
	"const old=document.querySelector('main'),now=page.querySelector('main');"
	"for(const d of old.querySelectorAll('details[open]')){const e=now.querySelector('#'+"
	"CSS.escape(d.id));if(e)e.open=true}"
	"const focus=document.activeElement&&document.activeElement.id;"
	"const left=[...old.querySelectorAll('.scroll')].map(e=>[e.id,e.scrollLeft]);"
	"old.replaceWith(now);"
	"for(const [id,x] of left){const e=document.getElementById(id);if(e)e.scrollLeft=x}"
	"if(focus){const e=document.getElementById(focus);if(e)e.focus({preventScroll:true})}"
	"}}}catch(e){}setTimeout(again,5000)}setTimeout(again,5000);";

static bool is_failed(const struct status_step *step)
{
	return strcmp(step->status, "failed") == 0;
}

static void print_cell(FILE *out, const char *text)
{
	(void)fputs("<td>", out);
	html_text(out, *text ? text : "\u2013");
	(void)fputs("</td>", out);
}

static void print_retry(FILE *out, const struct status_step *step, int64_t now_usec)
{
	if (step->attempts > 1)
		(void)fprintf(out, "tried %" PRId64 " times, ", step->attempts);
	if (step->next_retry_usec == 0) {
		(void)fputs("not tried again by itself", out);
		return;
	}
	(void)fputs("next try ", out);
	/* It is due, and waits for its turn. */
	if (step->next_retry_usec <= now_usec)
		(void)fputs("now", out);
	else
		html_time(out, step->next_retry_usec, now_usec);
}

static size_t count_failed(const struct status_steps *steps)
{
	size_t n = 0;

	for (size_t i = 0; i < steps->n_items; i++)
		n += is_failed(&steps->items[i]);
	return n;
}

/* ---- what needs somebody -------------------------------------------------------------- */

static void print_failed(FILE *out, const char *whose, const struct status_steps *steps,
			 int64_t now_usec)
{
	for (size_t i = 0; i < steps->n_items; i++) {
		const struct status_step *step = &steps->items[i];

		if (!is_failed(step))
			continue;
		(void)fputs("<li><strong>", out);
		html_text(out, whose);
		(void)fputs(": ", out);
		html_text(out, step->name);
		(void)fputs(" failed</strong>", out);
		if (*step->error) {
			(void)fputs(": ", out);
			html_text(out, step->error);
		}
		(void)fputs(" (", out);
		print_retry(out, step, now_usec);
		(void)fputs(")</li>", out);
	}
}

static void print_refused(FILE *out, const char *what, const char *why, const char *then)
{
	(void)fprintf(out, "<p class=\"alert\" role=\"alert\"><strong class=\"bad\">%s</strong>: ",
		      what);
	html_text(out, why);
	(void)fprintf(out, "%s</p>", then);
}

static void print_attention(FILE *out, const struct status *status, int64_t now_usec)
{
	size_t n = count_failed(&status->machine.steps);

	for (size_t i = 0; i < status->n_people; i++)
		n += count_failed(&status->people[i].steps);
	if (*status->machine.config_error)
		print_refused(out, "devvm.yaml is refused", status->machine.config_error, ".");
	if (strcmp(status->machine.roster, "refused") == 0)
		print_refused(out, "The roster is refused", status->machine.roster_error,
			      ". The last good one stays in force.");
	(void)fputs("<h2>Needs attention</h2>", out);
	if (n == 0) {
		(void)fputs("<p>Nothing. Every step is done.</p>", out);
		return;
	}
	(void)fputs("<ul>", out);
	print_failed(out, "machine", &status->machine.steps, now_usec);
	for (size_t i = 0; i < status->n_people; i++)
		print_failed(out, status->people[i].user, &status->people[i].steps, now_usec);
	(void)fputs("</ul>", out);
}

/* ---- tables --------------------------------------------------------------------------- */

static void begin_table(FILE *out, const char *id, const char *caption, const char *const *headings)
{
	(void)fprintf(out,
		      "<div class=\"scroll\" id=\"%s\" tabindex=\"0\" role=\"region\" "
		      "aria-label=\"%s\"><table><caption>%s</caption><thead><tr>",
		      id, caption, caption);
	for (size_t i = 0; headings[i]; i++)
		(void)fprintf(out, "<th scope=\"col\">%s</th>", headings[i]);
	(void)fputs("</tr></thead><tbody>", out);
}

static void end_table(FILE *out)
{
	(void)fputs("</tbody></table></div>", out);
}

static const char *state_word(const struct status_person *person)
{
	if (person->is_held)
		return "held";
	return person->is_parked && strcmp(person->state, "present") == 0 ? "parked"
									  : person->state;
}

static void print_steps(FILE *out, const struct status_person *person, int64_t now_usec)
{
	const struct status_steps *steps = &person->steps;
	size_t n_failed = count_failed(steps);

	if (steps->n_items == 0) {
		(void)fputs("<td class=\"off\">none yet</td>", out);
		return;
	}
	(void)fputs("<td><details id=\"steps-", out);
	html_text(out, person->user);
	(void)fprintf(out, "\"><summary id=\"open-");
	html_text(out, person->user);
	if (n_failed > 0)
		(void)fprintf(out, "\"><span class=\"bad\">%zu of %zu failed</span>", n_failed,
			      steps->n_items);
	else
		(void)fprintf(out, "\">%zu done", steps->n_items);
	(void)fputs("</summary><ul>", out);
	for (size_t i = 0; i < steps->n_items; i++) {
		const struct status_step *step = &steps->items[i];

		(void)fputs(is_failed(step) ? "<li class=\"bad\">" : "<li>", out);
		html_text(out, step->name);
		(void)fputs(is_failed(step) ? " failed, " : " done, ", out);
		html_time(out, step->updated_usec, now_usec);
		(void)fputs("</li>", out);
	}
	(void)fputs("</ul></details></td>", out);
}

static void print_runs(FILE *out, const struct status_person *person)
{
	const char *before = "";

	(void)fputs("<td class=\"now\">", out);
	for (size_t i = 0; i < STATUS_N_INSTANCES; i++) {
		if (!person->runs[i])
			continue;
		(void)fprintf(out, "%s%s", before, status_instance_name((enum status_instance)i));
		before = ", ";
	}
	(void)fputs(*before ? "</td>" : "\u2013</td>", out);
}

static void print_people(FILE *out, const struct status *status, int64_t now_usec)
{
	static const char *const headings[] = { "Person",     "Identity", "Tier",
						"State",      "Runs now", "t3",
						"t3 version", "Steps",	  NULL };

	(void)fputs("<h2>People</h2>", out);
	begin_table(out, "people", "Everybody on the roster, and who has left", headings);
	for (size_t i = 0; i < status->n_people; i++) {
		const struct status_person *person = &status->people[i];

		(void)fputs("<tr><th scope=\"row\">", out);
		html_text(out, person->user);
		(void)fputs("</th>", out);
		print_cell(out, person->identity);
		print_cell(out, person->tier);
		print_cell(out, state_word(person));
		print_runs(out, person);
		if (person->t3_port == STATUS_NO_NUMBER)
			print_cell(out, "");
		else
			(void)fprintf(out, "<td>port %" PRId64 "</td>", person->t3_port);
		print_cell(out, person->t3_version);
		print_steps(out, person, now_usec);
		(void)fputs("</tr>", out);
	}
	end_table(out);
}

static void print_machine(FILE *out, const struct status_machine *machine, int64_t now_usec)
{
	static const char *const headings[] = { "Step", "Result", "Last run", "Next try", NULL };

	(void)fputs("<h2>The machine</h2>", out);
	begin_table(out, "machine", "What is kept as configured", headings);
	for (size_t i = 0; i < machine->steps.n_items; i++) {
		const struct status_step *step = &machine->steps.items[i];

		(void)fputs("<tr><th scope=\"row\">", out);
		html_text(out, step->name);
		(void)fputs(is_failed(step) ? "</th><td class=\"bad\">failed</td><td class=\"now\">"
					    : "</th><td>done</td><td class=\"now\">",
			    out);
		html_time(out, step->updated_usec, now_usec);
		(void)fputs("</td><td>", out);
		if (is_failed(step))
			print_retry(out, step, now_usec);
		else
			(void)fputs("\u2013", out);
		(void)fputs("</td></tr>", out);
	}
	end_table(out);
}

/* ---- the page -------------------------------------------------------------------------- */

static void print_head(FILE *out, const struct status *status, int64_t now_usec)
{
	const struct status_machine *machine = &status->machine;
	char exact[32];

	clock_format(now_usec, exact);
	(void)fputs("<header><h1>Status of this machine</h1><p>devvm ", out);
	html_text(out, machine->version);
	(void)fprintf(out,
		      ", %" PRId64 " people; homes being prepared: %" PRId64 ", waiting: %" PRId64
		      "; reconcile: ",
		      machine->people > 0 ? machine->people : 0,
		      machine->running > 0 ? machine->running : 0,
		      machine->queued > 0 ? machine->queued : 0);
	html_text(out, machine->reconcile);
	(void)fprintf(out,
		      ".</p><p>As of <time datetime=\"%s\">%s</time>. <a id=\"json\" "
		      "href=\"status.json\">The same as JSON</a></p></header>",
		      exact, exact);
}

char *status_page(const struct status *status, int64_t now_usec, size_t *ret_n_bytes)
{
	char nonce[HTML_NONCE_BYTES];
	char *page = NULL;
	FILE *out = html_begin(&page, ret_n_bytes, 200, "Status of this machine", STYLE, nonce);

	if (!out)
		return NULL;
	(void)fputs("</head><body><main>", out);
	print_head(out, status, now_usec);
	print_attention(out, status, now_usec);
	print_people(out, status, now_usec);
	status_rollouts_print(out, status, now_usec);
	print_machine(out, &status->machine, now_usec);
	(void)fprintf(out, "</main><script nonce=\"%s\">%s</script></body></html>\n", nonce,
		      SCRIPT);
	return html_end(out, &page);
}

char *status_page_json(const struct status *status, size_t *ret_n_bytes)
{
	char *json = NULL, *answer = NULL;
	size_t n_json = 0;
	FILE *out = open_memstream(&json, &n_json);
	int r = out ? status_print_json(status, out) : -ENOMEM;

	if (out && fclose(out) != 0)
		r = -ENOMEM;
	if (r == 0)
		answer = page_json(json, ret_n_bytes);
	free(json);
	return answer;
}
