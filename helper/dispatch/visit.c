/* visit.c - see visit.h. */
#include "dispatch/visit.h"

#include <jansson.h>
#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "dispatch/page.h"

#define MAX_VISITS 1024
#define MAX_STEPS 64
#define KEPT_MS 60000 /* how long its outcome is told */

static const char *const WAITING[] = {
	[PAIR_T3] = "Your workspace is starting", [PAIR_TERMINAL] = "Your terminal is starting"
};
static const char *const FAILED[] = { [PAIR_T3] = "Your workspace could not be started",
				      [PAIR_TERMINAL] = "Your terminal could not be started" };

enum visit_state {
	VISIT_RUNNING,
	VISIT_READY,
	VISIT_FAILED,
};

struct visit {
	struct work work;
	struct pair_target target;
	pthread_mutex_t lock; /* of the steps, which the thread writes */
	struct page_step steps[MAX_STEPS];
	size_t n_steps;
	enum visit_state state; /* the loop's */
	int r;
	struct dv_error err;
	int64_t ended_ms;
	unsigned int n_owed; /* pages that know it failed, and come for the sentence */
	bool is_told;	     /* to a navigation, that it failed */
	struct visit *next;
};

static void copy(char *to, size_t n, const char *from)
{
	(void)snprintf(to, n, "%s", from ? from : "");
}

static int on_progress(void *context, const struct record *record, struct dv_error *err DV_UNUSED)
{
	struct visit *visit = context;
	const char *name = record_get(record, "step");
	size_t i = 0;

	if (strcmp(record->verb, "progress") != 0 || !name)
		return 0;
	(void)pthread_mutex_lock(&visit->lock);
	while (i < visit->n_steps && strcmp(visit->steps[i].name, name) != 0)
		i++;
	if (i < MAX_STEPS) {
		struct page_step *step = &visit->steps[i];
		const char *text = record_get(record, "text");

		visit->n_steps += i == visit->n_steps;
		copy(step->name, sizeof(step->name), name);
		copy(step->status, sizeof(step->status), record_get(record, "status"));
		if (text && *text)
			copy(step->text, sizeof(step->text), text);
	}
	(void)pthread_mutex_unlock(&visit->lock);
	return 0;
}

static void run_visit(struct work *work)
{
	struct visit *visit = (struct visit *)work;

	visit->r = pair_ensure(&visit->target, on_progress, visit, &visit->err);
}

static void end_visit(struct work *work)
{
	struct visit *visit = (struct visit *)work;

	visit->state = visit->r < 0 ? VISIT_FAILED : VISIT_READY;
	visit->ended_ms = clock_now_ms();
	if (visit->r < 0)
		log_warning("visit of %s: %s", visit->target.user, visit->err.text);
}

static void drop_visit(struct visits *visits, struct visit **at)
{
	struct visit *visit = *at;

	*at = visit->next;
	visits->n_visits--;
	(void)pthread_mutex_destroy(&visit->lock);
	free(visit);
}

static struct visit **find_visit(struct visits *visits, const char *user, enum pair_what what)
{
	struct visit **found = NULL;
	int64_t now_ms = clock_now_ms();
	struct visit **at = &visits->first;

	while (*at) {
		struct visit *visit = *at;

		if (visit->state != VISIT_RUNNING && now_ms - visit->ended_ms > KEPT_MS) {
			drop_visit(visits, at);
			continue;
		}
		if (visit->target.what == what && strcmp(visit->target.user, user) == 0)
			found = at;
		at = &visit->next;
	}
	return found;
}

static int start_visit(struct visits *visits, const struct pair_target *target)
{
	struct visit *visit = visits->n_visits < MAX_VISITS ? calloc(1, sizeof(*visit)) : NULL;

	if (!visit)
		return -EBUSY;
	visit->work = (struct work){ .run = run_visit, .end = end_visit };
	visit->target = *target;
	(void)pthread_mutex_init(&visit->lock, NULL);
	visit->next = visits->first;
	visits->first = visit;
	visits->n_visits++;
	if (work_submit(visits->pool, WORK_VISIT, &visit->work) == 0)
		return 0;
	drop_visit(visits, &visits->first);
	return -EBUSY;
}

static char *print_visit(struct visit *visit, const char *title, const char *target, size_t *ret_n)
{
	bool is_failed = visit->state == VISIT_FAILED;
	struct page_visit shown = { .user = visit->target.user,
				    .title = title,
				    .text = is_failed ? visit->err.text : NULL,
				    .target = target,
				    .steps = visit->steps };
	char *text;

	(void)pthread_mutex_lock(&visit->lock);
	shown.n_steps = visit->n_steps;
	text = is_failed ? page_failed(&shown, ret_n) : page_waiting(&shown, ret_n);
	(void)pthread_mutex_unlock(&visit->lock);
	return text;
}

/* Each page that waited hears that it failed; and where none did, the next navigation. */
static bool is_owed(const struct visit *visit)
{
	return visit->state == VISIT_FAILED && (visit->n_owed > 0 || !visit->is_told);
}

/* Their server does not listen. A navigation begins a visit. */
void visits_wait(struct visits *visits, const struct pair_target *target, struct door_call *call)
{
	struct visit **at = find_visit(visits, target->user, target->what);
	size_t n = 0;
	char *text;

	if (at && is_owed(*at)) {
		(*at)->n_owed -= (*at)->n_owed > 0;
		(*at)->is_told = true;
		text = print_visit(*at, FAILED[target->what], call->target, &n);
		call_reply(call, text, n);
		return;
	}
	if (at && (*at)->state != VISIT_RUNNING) { /* it ended since */
		drop_visit(visits, at);
		at = NULL;
	}
	if (!at && start_visit(visits, target) < 0) {
		call_message(call, 503, "The machine is busy",
			     "Many workspaces are starting. Try again in a minute.", call->target);
		return;
	}
	at = find_visit(visits, target->user, target->what);
	text = at ? print_visit(*at, WAITING[target->what], call->target, &n) : NULL;
	call_reply(call, text, n);
}

/* One that was cut to fit may end amid a character, which is no JSON. */
static json_t *text_json(const char *text)
{
	size_t n_bytes = strlen(text);
	json_t *json = json_stringn(text, n_bytes);

	for (int i = 0; !json && i < 3 && n_bytes > 0; i++)
		json = json_stringn(text, --n_bytes);
	return json ? json : json_string("");
}

void visits_progress(struct visits *visits, const char *user, enum pair_what what,
		     struct door_call *call)
{
	static const char *const states[] = { "running", "ready", "failed" };
	struct visit **at = find_visit(visits, user, what);
	json_t *steps = json_array(), *answer;
	char *json, *text;
	size_t n = 0;

	if (at) {
		(*at)->n_owed += (*at)->state == VISIT_FAILED;
		(void)pthread_mutex_lock(&(*at)->lock);
		for (size_t i = 0; i < (*at)->n_steps; i++) {
			const struct page_step *step = &(*at)->steps[i];

			(void)json_array_append_new(steps,
						    json_pack("{s:s,s:s,s:o}", "step", step->name,
							      "status", step->status, "text",
							      text_json(step->text)));
		}
		(void)pthread_mutex_unlock(&(*at)->lock);
	}
	/* Without a visit the page asks anew. */
	answer =
		json_pack("{s:s,s:o,s:o}", "state", states[at ? (*at)->state : VISIT_READY], "text",
			  text_json(at && (*at)->state == VISIT_FAILED ? (*at)->err.text : ""),
			  "steps", steps);
	json = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
	json_decref(answer);
	text = json ? page_json(json, &n) : NULL;
	free(json);
	call_reply(call, text, n);
}
