/* people.c - see people.h. */
#include "rollout/people.h"

#include <string.h>

#include "base/clock.h"
#include "ledger/moves.h"
#include "move/look.h"
#include "steps/lock.h"

#define LOCK_MS 60000

struct ranked {
	struct people_row *person;
	size_t canary; /* their place in update.canary; behind it for all others */
	int64_t worked_usec;
};

void candidates_done(struct candidates *candidates)
{
	people_done(&candidates->people);
	deferrals_done(&candidates->deferrals);
	free(candidates->rows);
	*candidates = (struct candidates){ 0 };
}

static size_t place_of(const struct str_list *names, const char *name)
{
	size_t i = 0;

	while (i < names->n_items && strcmp(names->items[i], name) != 0)
		i++;
	return i;
}

/* Whose database cannot be looked at comes last: they may be at work. */
static int64_t ask_worked(struct rollout *rollout, const char *name)
{
	struct dv_error err = { "" };
	DV_AUTO_CLOSE int lock_fd =
		lock_take(&rollout->env, name, clock_deadline_ms(LOCK_MS), &err);
	struct look look = { 0 };

	return lock_fd < 0 || look_run(&rollout->env, name, 0, &look, &err) < 0 ? INT64_MAX
										: look.worked_usec;
}

static int compare(const void *a, const void *b)
{
	const struct ranked *left = a, *right = b;

	if (left->canary != right->canary)
		return left->canary < right->canary ? -1 : 1;
	if (left->worked_usec != right->worked_usec)
		return left->worked_usec < right->worked_usec ? -1 : 1;
	return strcmp(left->person->name, right->person->name);
}

bool rollout_is_served(const struct people_row *person)
{
	return person->state == PEOPLE_PRESENT && person->uid != PEOPLE_NO_UID && !person->parked;
}

static struct ranked rank(struct rollout *rollout, struct people_row *person)
{
	struct ranked ranked = { .person = person,
				 .canary = place_of(&rollout->config.update_canary, person->name) };

	if (rollout->config.update_order == CONFIG_ORDER_ACTIVITY)
		ranked.worked_usec = ask_worked(rollout, person->name);
	return ranked;
}

static bool was_moved(const struct moves *moves, const char *name, const char *version)
{
	for (size_t i = 0; i < moves->n_rows; i++) {
		const struct move_row *row = &moves->rows[i];

		if (strcmp(row->name, name) == 0)
			return row->state == UPDATE_STATE_MOVED && strcmp(row->to, version) == 0;
	}
	return false;
}

int rollout_list_people(struct rollout *rollout, const char *version,
			struct candidates *ret_candidates, struct dv_error *err)
{
	DV_AUTO_CANDIDATES struct candidates candidates = { 0 };
	DV_AUTO_FREE struct ranked *ranked = NULL;
	int r = people_list(rollout->ledger, &candidates.people, err);
	size_t n_people = candidates.people.n_rows, n = 0;
	DV_AUTO_MOVES struct moves moves = { 0 };

	if (r == 0)
		r = deferrals_list(rollout->ledger, &candidates.deferrals, err);
	if (r == 0)
		r = moves_list(rollout->ledger, MOVES_ALL_RUNS, &moves, err);
	if (r < 0)
		return r;
	ranked = calloc(n_people + 1, sizeof(*ranked));
	candidates.rows = calloc(n_people + 1, sizeof(struct people_row *));
	if (!ranked || !candidates.rows)
		return dv_fail(err, -ENOMEM, "list who is to be moved");
	for (size_t i = 0; r == 0 && i < n_people; i++) {
		struct people_row *person = &candidates.people.rows[i];
		char own[STORE_VERSION_BYTES] = "";

		if (!rollout_is_served(person))
			continue;
		r = store_get_pointer(&rollout->env, ROLLOUT_ITEM, person->name, own, err);
		if (r < 0 || !*own)
			continue;
		if (strcmp(own, version) != 0)
			ranked[n++] = rank(rollout, person);
		else
			candidates.n_have += was_moved(&moves, person->name, version);
	}
	if (r < 0)
		return r;
	qsort(ranked, n, sizeof(*ranked), compare);
	for (size_t i = 0; i < n; i++)
		candidates.rows[i] = ranked[i].person;
	candidates.n_rows = n;
	*ret_candidates = candidates;
	candidates = (struct candidates){ 0 }; /* handed over */
	return 0;
}
