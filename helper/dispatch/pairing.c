/* pairing.c - see pairing.h. */
#include "dispatch/pairing.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "dispatch/page.h"

#define MINUTE_MS 60000

/* Stays for MINUTE_MS behind its last: it counts. */
struct pairing {
	struct work work;
	struct pairings *pairings;
	struct pair_target target;
	struct door_call *calls;
	size_t n_calls;
	bool is_running;
	struct str_list cookies;
	struct dv_error err;
	int r;
	int64_t began_ms; /* of the minute that is counted */
	unsigned int n_pairings;
	struct pairing *next;
};

static bool is_same(const struct pair_target *a, const struct pair_target *b)
{
	return strcmp(a->user, b->user) == 0 && a->uid == b->uid && a->port == b->port;
}

/* Whether whoever asked still has that account and that server. */
static bool is_still(const struct pairings *pairings, const struct door_call *call,
		     const struct pair_target *target)
{
	const struct door_person *person = NULL;
	struct dv_error err = { "" };

	if (door_people_refresh(pairings->people, target->root_fd, &err) == 0)
		person = door_people_find(pairings->people, call->identity);
	return person && person->away == DOOR_HERE && strcmp(person->user, target->user) == 0 &&
	       person->port == target->port &&
	       door_people_uid(pairings->people, person) == target->uid;
}

static void redirect(struct door_call *call, const struct str_list *cookies)
{
	size_t n = 0;
	char *text = page_redirect(call->target, cookies, &n);

	call_reply(call, text, n);
}

static void ask_anew(struct door_call *call)
{
	redirect(call, &(const struct str_list){ 0 });
}

static void run_pairing(struct work *work)
{
	struct pairing *pairing = (struct pairing *)work;

	pairing->r = pair_make(&pairing->target, &pairing->cookies, &pairing->err);
}

static void end_pairing(struct work *work)
{
	struct pairing *pairing = (struct pairing *)work;
	struct door_call *call = pairing->calls;

	pairing->is_running = false;
	pairing->calls = NULL;
	pairing->n_calls = 0;
	if (pairing->r < 0)
		log_warning("%s", pairing->err.text);
	while (call) {
		struct door_call *next = call->next;

		if (!is_still(pairing->pairings, call, &pairing->target))
			ask_anew(call);
		else if (pairing->r < 0)
			call_message(call, 502, "Your workspace did not let you in",
				     pairing->err.text, call->target);
		else
			redirect(call, &pairing->cookies);
		call = next;
	}
	for (size_t i = 0; i < pairing->cookies.n_items; i++)
		explicit_bzero(pairing->cookies.items[i], strlen(pairing->cookies.items[i]));
	str_list_done(&pairing->cookies);
	pairing->cookies = (struct str_list){ 0 };
}

/* Forgets those that no longer count on its way. */
static struct pairing *find_pairing(struct pairings *pairings, const struct pair_target *target)
{
	struct pairing *found = NULL;
	int64_t now_ms = clock_now_ms();

	for (struct pairing **at = &pairings->first; *at;) {
		struct pairing *pairing = *at;

		if (!pairing->is_running && now_ms - pairing->began_ms > MINUTE_MS) {
			*at = pairing->next;
			free(pairing);
			continue;
		}
		if (is_same(&pairing->target, target))
			found = pairing;
		at = &pairing->next;
	}
	return found;
}

/* They have had as many as a minute has. */
static void turn_away(const struct pairing *pairing, struct door_call *call)
{
	if (pairing->r < 0)
		call_message(call, 429, "Your workspace did not let you in", pairing->err.text,
			     call->target);
	else
		call_message(call, 429, "Your browser does not keep the session",
			     "It was let in ten times within a minute and came back without its "
			     "cookie each time. Allow cookies of this address, wait a minute, and "
			     "try again.",
			     call->target);
}

void pairings_join(struct pairings *pairings, const struct pair_target *target,
		   struct door_call *call)
{
	struct pairing *pairing = find_pairing(pairings, target);

	if (!pairing) {
		pairing = calloc(1, sizeof(*pairing));
		if (!pairing) {
			call_reply(call, NULL, 0);
			return;
		}
		pairing->pairings = pairings;
		pairing->began_ms = clock_now_ms();
		pairing->next = pairings->first;
		pairings->first = pairing;
	}
	if (!pairing->is_running && pairing->n_pairings >= PAIRING_MAX) {
		turn_away(pairing, call);
		return;
	}
	if (pairing->n_calls >= PAIRING_MAX_CALLS) {
		call_message(call, 429, "Too many of your pages wait to be let in",
			     "You are let in as soon as your workspace answers. Try again in a "
			     "moment.",
			     call->target);
		return;
	}
	pairing->n_calls++;
	call->next = pairing->calls;
	pairing->calls = call;
	if (pairing->is_running)
		return;
	pairing->is_running = true;
	pairing->n_pairings++;
	pairing->target = *target;
	pairing->work = (struct work){ .run = run_pairing, .end = end_pairing };
	pairing->err.text[0] = '\0';
	if (work_submit(pairings->pool, WORK_PAIR, &pairing->work) < 0) {
		pairing->r = dv_refuse(&pairing->err, -EBUSY, "too many people come in at once");
		end_pairing(&pairing->work);
	}
}

/* ---- a check of a session ------------------------------------------------------------- */

struct check {
	struct keeper_ask ask; /* the first member: its end finds us by it */
	struct pairings *pairings;
	struct door_call *call;
};

static void end_check(struct keeper_ask *ask, int r, enum t3_session session,
		      const struct dv_error *err)
{
	struct check *check = (struct check *)ask;

	if (r < 0)
		log_warning("let a request of %s through: %s", ask->target.user, err->text);
	if (r < 0 || session != T3_SESSION_DEAD)
		call_pass(check->call);
	else if (is_still(check->pairings, check->call, &ask->target))
		pairings_join(check->pairings, &ask->target, check->call);
	else
		ask_anew(check->call);
	free(check);
}

void pairings_check(struct pairings *pairings, const struct pair_target *target,
		    struct door_call *call)
{
	struct check *check = calloc(1, sizeof(*check));

	if (!check) {
		call_pass(call);
		return;
	}
	*check = (struct check){
		.ask = { .target = *target, .cookies = call->cookies, .end = end_check },
		.pairings = pairings,
		.call = call
	};
	keeper_submit(pairings->keeper, &check->ask);
}
