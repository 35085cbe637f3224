/* door.c - see door.h. */
#include "dispatch/door.h"

#include <jansson.h>
#include <pthread.h>
#include <pwd.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "dispatch/listener.h"
#include "dispatch/page.h"
#include "dispatch/pair.h"
#include "dispatch/route.h"

#define MAX_VISITS 1024
#define MAX_STEPS 64
#define VISIT_KEPT_MS 60000 /* how long its outcome is told */
#define MAX_PAIRINGS 10	    /* of a person within PAIRINGS_MS: a browser that keeps no cookie */
#define PAIRINGS_MS 60000

struct target {
	char user[STR_USER_NAME_MAX + 1];
	struct pair_target pair;
};

static void fill_target(struct target *target, const struct door *door,
			const struct door_person *person, uid_t uid)
{
	(void)snprintf(target->user, sizeof(target->user), "%s", person->user);
	target->pair = (struct pair_target){ .helper_path = door->helper_path,
					     .root_fd = door->root_fd,
					     .user = target->user,
					     .uid = uid,
					     .port = person->port };
}

static void reply(struct door_call *call, char *text, size_t n_bytes)
{
	free(call->target);
	if (call->cookies)
		explicit_bzero(call->cookies, strlen(call->cookies));
	free(call->cookies);
	call->target = call->cookies = NULL;
	call->reply(call, text, n_bytes);
}

static void reply_pass(struct door_call *call)
{
	size_t n = 0;
	char *text = page_pass(&n);

	reply(call, text, n);
}

static void reply_message(struct door_call *call, unsigned int status, const char *title,
			  const char *why, const char *retry)
{
	size_t n = 0;
	char *text = page_message(status, title, why, retry, &n);

	reply(call, text, n);
}

/* ---- pairing -------------------------------------------------------------------------- */

/* Stays for PAIRINGS_MS behind its last: it counts. */
struct door_pairing {
	struct work work;
	struct door *door;
	struct target target;
	struct door_call *calls;
	bool is_running;
	struct str_list cookies;
	struct dv_error err;
	int r;
	int64_t began_ms; /* of the minute that is counted */
	unsigned int n_pairings;
	struct door_pairing *next;
};

static void run_pairing(struct work *work)
{
	struct door_pairing *pairing = (struct door_pairing *)work;

	pairing->r = pair_make(&pairing->target.pair, &pairing->cookies, &pairing->err);
}

static void end_pairing(struct work *work)
{
	struct door_pairing *pairing = (struct door_pairing *)work;
	struct door_call *call = pairing->calls;

	pairing->is_running = false;
	pairing->calls = NULL;
	if (pairing->r < 0)
		log_warning("%s", pairing->err.text);
	while (call) {
		struct door_call *next = call->next;
		size_t n = 0;

		if (pairing->r < 0) {
			reply_message(call, 502, "Your workspace did not let you in",
				      pairing->err.text, call->target);
		} else {
			char *text = page_redirect(call->target, &pairing->cookies, &n);

			reply(call, text, n);
		}
		call = next;
	}
	for (size_t i = 0; i < pairing->cookies.n_items; i++)
		explicit_bzero(pairing->cookies.items[i], strlen(pairing->cookies.items[i]));
	str_list_done(&pairing->cookies);
	pairing->cookies = (struct str_list){ 0 };
}

/* Forgets those that no longer count on its way. */
static struct door_pairing *find_pairing(struct door *door, const char *user)
{
	struct door_pairing *found = NULL;
	int64_t now_ms = clock_now_ms();

	for (struct door_pairing **at = &door->pairings; *at;) {
		struct door_pairing *pairing = *at;

		if (!pairing->is_running && now_ms - pairing->began_ms > PAIRINGS_MS) {
			*at = pairing->next;
			free(pairing);
			continue;
		}
		if (strcmp(pairing->target.user, user) == 0)
			found = pairing;
		at = &pairing->next;
	}
	return found;
}

static void join_pairing(struct door *door, const struct target *target, struct door_call *call)
{
	struct door_pairing *pairing = find_pairing(door, target->user);

	if (!pairing) {
		pairing = calloc(1, sizeof(*pairing));
		if (!pairing) {
			reply(call, NULL, 0);
			return;
		}
		pairing->began_ms = clock_now_ms();
		pairing->next = door->pairings;
		door->pairings = pairing;
	}
	if (!pairing->is_running && pairing->n_pairings >= MAX_PAIRINGS) {
		reply_message(call, 429, "Your browser does not keep the session",
			      "It was let in ten times within a minute and came back without its "
			      "cookie each time. Allow cookies of this address, wait a minute, and "
			      "try again.",
			      call->target);
		return;
	}
	call->next = pairing->calls;
	pairing->calls = call;
	if (pairing->is_running)
		return;
	pairing->is_running = true;
	pairing->n_pairings++;
	pairing->door = door;
	pairing->target = *target;
	pairing->target.pair.user = pairing->target.user;
	pairing->work = (struct work){ .run = run_pairing, .end = end_pairing };
	pairing->err.text[0] = '\0';
	if (work_submit(door->pool, WORK_PAIR, &pairing->work) < 0) {
		pairing->r = dv_refuse(&pairing->err, -EBUSY, "too many people come in at once");
		end_pairing(&pairing->work);
	}
}

/* ---- a check of a session ------------------------------------------------------------- */

struct check {
	struct work work;
	struct door *door;
	struct target target;
	struct door_call *call;
	enum t3_session session;
	struct dv_error err;
	int r;
};

static void run_check(struct work *work)
{
	struct check *check = (struct check *)work;

	check->r =
		pair_check(&check->target.pair, check->call->cookies, &check->session, &check->err);
}

static void end_check(struct work *work)
{
	struct check *check = (struct check *)work;

	if (check->r < 0)
		log_warning("let a request of %s through: %s", check->target.user, check->err.text);
	if (check->r == 0 && check->session == T3_SESSION_DEAD)
		join_pairing(check->door, &check->target, check->call);
	else
		reply_pass(check->call);
	free(check);
}

static void start_check(struct door *door, const struct target *target, struct door_call *call)
{
	struct check *check = calloc(1, sizeof(*check));

	if (check) {
		*check = (struct check){ .work = { .run = run_check, .end = end_check },
					 .door = door,
					 .target = *target,
					 .call = call };
		check->target.pair.user = check->target.user;
		if (work_submit(door->pool, WORK_CHECK, &check->work) == 0)
			return;
		free(check);
	}
	reply_pass(call);
}

/* ---- a visit to what does not run ----------------------------------------------------- */

enum visit_state {
	VISIT_RUNNING,
	VISIT_READY,
	VISIT_FAILED,
};

struct visit_step {
	char name[64], status[16], text[256];
};

struct door_visit {
	struct work work;
	struct target target;
	pthread_mutex_t lock; /* of the steps, which the thread writes */
	struct visit_step steps[MAX_STEPS];
	size_t n_steps;
	enum visit_state state; /* the loop's */
	int r;
	struct dv_error err;
	int64_t ended_ms;
	struct door *door;
	struct door_visit *next;
};

static void copy(char *to, size_t n, const char *from)
{
	(void)snprintf(to, n, "%s", from ? from : "");
}

static void on_progress(void *context, const struct record *record)
{
	struct door_visit *visit = context;
	const char *name = record_get(record, "step");
	size_t i = 0;

	if (strcmp(record->verb, "progress") != 0 || !name)
		return;
	(void)pthread_mutex_lock(&visit->lock);
	while (i < visit->n_steps && strcmp(visit->steps[i].name, name) != 0)
		i++;
	if (i < MAX_STEPS) {
		struct visit_step *step = &visit->steps[i];
		const char *text = record_get(record, "text");

		visit->n_steps += i == visit->n_steps;
		copy(step->name, sizeof(step->name), name);
		copy(step->status, sizeof(step->status), record_get(record, "status"));
		if (text && *text)
			copy(step->text, sizeof(step->text), text);
	}
	(void)pthread_mutex_unlock(&visit->lock);
}

static void run_visit(struct work *work)
{
	struct door_visit *visit = (struct door_visit *)work;

	visit->r = pair_ensure(&visit->target.pair, on_progress, visit, &visit->err);
}

static void end_visit(struct work *work)
{
	struct door_visit *visit = (struct door_visit *)work;

	visit->state = visit->r < 0 ? VISIT_FAILED : VISIT_READY;
	visit->ended_ms = clock_now_ms();
	if (visit->r < 0)
		log_warning("visit of %s: %s", visit->target.user, visit->err.text);
}

static void drop_visit(struct door *door, struct door_visit **at)
{
	struct door_visit *visit = *at;

	*at = visit->next;
	door->n_visits--;
	(void)pthread_mutex_destroy(&visit->lock);
	free(visit);
}

static struct door_visit **find_visit(struct door *door, const char *user)
{
	struct door_visit **found = NULL;
	int64_t now_ms = clock_now_ms();
	struct door_visit **at = &door->visits;

	while (*at) {
		struct door_visit *visit = *at;

		if (visit->state != VISIT_RUNNING && now_ms - visit->ended_ms > VISIT_KEPT_MS) {
			drop_visit(door, at);
			continue;
		}
		if (strcmp(visit->target.user, user) == 0)
			found = at;
		at = &visit->next;
	}
	return found;
}

static int start_visit(struct door *door, const struct target *target)
{
	struct door_visit *visit = door->n_visits < MAX_VISITS ? calloc(1, sizeof(*visit)) : NULL;

	if (!visit)
		return -EBUSY;
	visit->work = (struct work){ .run = run_visit, .end = end_visit };
	visit->target = *target;
	visit->target.pair.user = visit->target.user;
	(void)pthread_mutex_init(&visit->lock, NULL);
	visit->next = door->visits;
	door->visits = visit;
	door->n_visits++;
	if (work_submit(door->pool, WORK_VISIT, &visit->work) == 0)
		return 0;
	drop_visit(door, &door->visits);
	return -EBUSY;
}

/* Their server does not listen. A navigation begins a visit, and hears once that it failed. */
static void wait_for_server(struct door *door, const struct target *target, struct door_call *call)
{
	struct door_visit **at = find_visit(door, target->user);
	size_t n = 0;
	char *text;

	if (at && (*at)->state == VISIT_FAILED) {
		reply_message(call, 503, "Your workspace could not be started", (*at)->err.text,
			      call->target);
		drop_visit(door, at);
		return;
	}
	if (at && (*at)->state == VISIT_READY) { /* it ended since */
		drop_visit(door, at);
		at = NULL;
	}
	if (!at && start_visit(door, target) < 0) {
		reply_message(call, 503, "The machine is busy",
			      "Many workspaces are starting. Try again in a minute.", call->target);
		return;
	}
	text = page_waiting(target->user, call->target, &n);
	reply(call, text, n);
}

static void reply_progress(struct door *door, const char *user, struct door_call *call)
{
	static const char *const states[] = { "running", "ready", "failed" };
	struct door_visit **at = find_visit(door, user);
	json_t *steps = json_array(), *answer;
	char *json, *text;
	size_t n = 0;

	if (at) {
		(void)pthread_mutex_lock(&(*at)->lock);
		for (size_t i = 0; i < (*at)->n_steps; i++) {
			const struct visit_step *step = &(*at)->steps[i];

			(void)json_array_append_new(steps,
						    json_pack("{s:s,s:s,s:s}", "step", step->name,
							      "status", step->status, "text",
							      step->text));
		}
		(void)pthread_mutex_unlock(&(*at)->lock);
	}
	/* Without a visit the page asks anew. */
	answer = json_pack("{s:s,s:s,s:o}", "state", states[at ? (*at)->state : VISIT_READY],
			   "text", at && (*at)->state == VISIT_FAILED ? (*at)->err.text : "",
			   "steps", steps);
	json = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
	json_decref(answer);
	text = json ? page_json(json, &n) : NULL;
	free(json);
	reply(call, text, n);
}

/* ---- the decision --------------------------------------------------------------------- */

static void reply_refusal(const struct route *route, struct door_call *call)
{
	static const struct {
		enum route_kind kind;
		unsigned int status;
		const char *title, *text;
	} refusals[] = {
		{ ROUTE_UNTRUSTED, 403, "Not by this way",
		  "This address answers only what comes through the sign-in in front of it." },
		{ ROUTE_BAD, 400, "Not understood",
		  "The sign-in in front of this machine must send exactly one user name." },
		{ ROUTE_NOBODY, 403, "Nobody is signed in",
		  "The sign-in in front of this machine sent no user name." },
		{ ROUTE_UNKNOWN, 403, "You have no workspace here",
		  "Your account is not on the list of this machine. Ask one of its "
		  "administrators." },
		{ ROUTE_PARKED, 403, "Your workspace is parked",
		  "Nothing of it runs for now; your files are as you left them. Ask an "
		  "administrator to take it up again." },
		{ ROUTE_LEFT, 403, "Your workspace is closed",
		  "Your account is no longer on the list of this machine. Ask one of its "
		  "administrators." },
	};

	for (size_t i = 0; i < DV_COUNT(refusals); i++) {
		size_t n = 0;
		char *text;

		if (refusals[i].kind != route->kind)
			continue;
		text = route->is_navigation ? page_message(refusals[i].status, refusals[i].title,
							   refusals[i].text, NULL, &n)
					    : page_plain(refusals[i].status, refusals[i].text, &n);
		reply(call, text, n);
		return;
	}
}

static void reply_plain(struct door_call *call, unsigned int status, const char *why)
{
	size_t n = 0;
	char *text = page_plain(status, why, &n);

	reply(call, text, n);
}

/* -ENOENT: no account yet. */
static int find_target(struct door *door, const struct door_person *person,
		       struct target *ret_target, enum listener *ret_listener, struct dv_error *err)
{
	const struct passwd *account = getpwnam(person->user);

	fill_target(ret_target, door, person, account ? account->pw_uid : (uid_t)-1);
	return listener_look(door->root_fd, person->port, ret_target->pair.uid, ret_listener, err);
}

static void go_to_person(struct door *door, const struct route *route, struct door_call *call)
{
	enum listener listener = LISTENER_UNSET;
	struct dv_error err = { "" };
	struct target target;

	if (find_target(door, route->person, &target, &listener, &err) < 0) {
		log_error("%s", err.text);
		reply_plain(call, 502, "The machine cannot tell whose this port is.");
		return;
	}
	if (listener == LISTENER_FOREIGN) {
		log_error("port %u of %s is held by another account", route->person->port,
			  target.user);
		reply_message(call, 502, "Your workspace is not reachable",
			      "Its port is held by another account. Ask an administrator.", NULL);
	} else if (listener == LISTENER_NONE && route->is_navigation) {
		wait_for_server(door, &target, call);
	} else if (listener == LISTENER_NONE) {
		reply_plain(call, 503, "The workspace does not run. Load the page to start it.");
	} else if (route->kind == ROUTE_PAIR) {
		join_pairing(door, &target, call);
	} else if (route->kind == ROUTE_CHECK) {
		start_check(door, &target, call);
	} else {
		reply_pass(call);
	}
}

void door_ask(struct door *door, const struct fcgi *request, struct door_call *call)
{
	struct dv_error err = { "" };
	struct route route;

	if (door_people_refresh(&door->people, door->root_fd, &err) < 0)
		log_error("nobody is let in: %s", err.text);
	route_decide(request, &door->people, &door->secret, &route);
	call->target = strdup(route.target);
	call->cookies = route.kind == ROUTE_CHECK
				? route_session_cookies(fcgi_get(request, "HTTP_COOKIE"))
				: NULL;
	if (!call->target || (route.kind == ROUTE_CHECK && !call->cookies)) {
		reply(call, NULL, 0);
		return;
	}
	switch (route.kind) {
	case ROUTE_HEALTH:
		reply_plain(call, 200, "ok");
		return;
	case ROUTE_UNTRUSTED:
	case ROUTE_BAD:
	case ROUTE_NOBODY:
	case ROUTE_UNKNOWN:
	case ROUTE_PARKED:
	case ROUTE_LEFT:
		reply_refusal(&route, call);
		return;
	case ROUTE_PROGRESS:
		reply_progress(door, route.person->user, call);
		return;
	case ROUTE_UNSET:
	case ROUTE_PASS:
	case ROUTE_CHECK:
	case ROUTE_PAIR:
		go_to_person(door, &route, call);
		return;
	}
}
