/* door.c - see door.h. */
#include "dispatch/door.h"

#include <string.h>

#include "base/log.h"
#include "t3/listener.h"
#include "dispatch/page.h"
#include "dispatch/route.h"

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
		{ ROUTE_NO_ADMIN, 403, "For administrators",
		  "This page is for the administrators of this machine." },
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
		call_reply(call, text, n);
		return;
	}
}

static int find_target(struct door *door, const struct route *route, struct pair_target *ret_target,
		       enum listener *ret_listener, struct dv_error *err)
{
	const struct door_person *person = route->person;
	uid_t uid;
	int r;

	*ret_target = (struct pair_target){ .what = route->is_of_terminal ? PAIR_TERMINAL : PAIR_T3,
					    .helper_path = door->helper_path,
					    .root_fd = door->root_fd,
					    .uid = door_people_uid(&door->people, person),
					    .port = person->port };
	(void)snprintf(ret_target->user, sizeof(ret_target->user), "%s", person->user);
	r = pair_look(ret_target, ret_listener, err);
	if (r < 0 || *ret_listener != LISTENER_FOREIGN)
		return r;
	/* Or theirs, and they have another uid by now. */
	uid = door_people_uid_anew(&door->people, person);
	if (uid == ret_target->uid)
		return 0;
	ret_target->uid = uid;
	return pair_look(ret_target, ret_listener, err);
}

/* nginx's line comes when it closes. What is behind the `?` may be a secret. */
static void note_socket(const struct route *route)
{
	const struct log_fields fields = { .user = route->person->user };

	log_write(LOG_INFO, &fields, "a WebSocket of %s opens, %.*s", route->person->user,
		  (int)strcspn(route->target, "?"), route->target);
}

static void go_to_person(struct door *door, const struct route *route, struct door_call *call)
{
	enum listener listener = LISTENER_UNSET;
	struct dv_error err = { "" };
	struct pair_target target;

	if (find_target(door, route, &target, &listener, &err) < 0) {
		log_error("%s", err.text);
		call_plain(call, 502, "The machine cannot tell whose this port is.");
		return;
	}
	if (route->is_socket && listener == LISTENER_OWN)
		note_socket(route);
	if (listener == LISTENER_FOREIGN) {
		log_error("port %u of %s is held by another account", route->person->port,
			  target.user);
		call_message(call, 502, "Your workspace is not reachable",
			     "Its port is held by another account. Ask an administrator.", NULL);
	} else if (listener == LISTENER_NONE && route->is_navigation) {
		visits_wait(&door->visits, &target, call);
	} else if (listener == LISTENER_NONE) {
		call_plain(call, 503, "The workspace does not run. Load the page to start it.");
	} else if (route->kind == ROUTE_TERMINAL) {
		call_pass_to_terminal(call);
	} else if (route->kind == ROUTE_PAIR) {
		pairings_join(&door->pairings, &target, call);
	} else if (route->kind == ROUTE_CHECK) {
		pairings_check(&door->pairings, &target, call);
	} else {
		call_pass(call);
	}
}

static void refresh_people(struct door *door)
{
	struct dv_error err = { "" };
	int r = door_people_refresh(&door->people, door->root_fd, &err);

	if (r < 0 && strcmp(err.text, door->said.text) != 0)
		log_error("nobody is let in: %s", err.text);
	door->said = r < 0 ? err : (struct dv_error){ "" };
}

void door_ask(struct door *door, const struct fcgi *request, struct door_call *call)
{
	struct route route;

	refresh_people(door);
	route_decide(request, &door->people, &door->secret, &route);
	call->identity = strdup(route.identity);
	call->target = strdup(route.target);
	call->cookies = route.kind == ROUTE_CHECK
				? route_session_cookies(fcgi_get(request, "HTTP_COOKIE"))
				: NULL;
	if (!call->identity || !call->target || (route.kind == ROUTE_CHECK && !call->cookies)) {
		call_reply(call, NULL, 0);
		return;
	}
	switch (route.kind) {
	case ROUTE_HEALTH:
		call_plain(call, 200, "ok");
		return;
	case ROUTE_UNTRUSTED:
	case ROUTE_BAD:
	case ROUTE_NOBODY:
	case ROUTE_UNKNOWN:
	case ROUTE_PARKED:
	case ROUTE_LEFT:
	case ROUTE_NO_ADMIN:
		reply_refusal(&route, call);
		return;
	case ROUTE_STATUS:
		status_ask(&door->status, call);
		return;
	case ROUTE_PROGRESS:
		visits_progress(&door->visits, route.person->user,
				route.is_of_terminal ? PAIR_TERMINAL : PAIR_T3, call);
		return;
	case ROUTE_UNSET:
	case ROUTE_TERMINAL:
	case ROUTE_PASS:
	case ROUTE_CHECK:
	case ROUTE_PAIR:
		go_to_person(door, &route, call);
		return;
	}
}
