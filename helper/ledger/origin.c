/* origin.c - see origin.h. */
#include "ledger/origin.h"

#include "ledger/gates.h"
#include "ledger/known_bad.h"
#include "ledger/moves.h"

static int find_copy(struct ledger *ledger, const char *name, struct origin *origin, const char *id,
		     struct dv_error *err)
{
	DV_AUTO_BACKUPS struct backups backups = { 0 };
	int r = backups_list(ledger, name, &backups, err);
	const struct backups_row *copy = r < 0 ? NULL : backups_find(&backups, id);

	if (!copy)
		return r;
	origin->level = copy->level;
	(void)snprintf(origin->version, sizeof(origin->version), "%s", copy->version);
	return 0;
}

static int find_move(struct ledger *ledger, const char *name, struct origin *origin, const char *id,
		     struct dv_error *err)
{
	DV_AUTO_MOVES struct moves moves = { 0 };
	int r = moves_list(ledger, MOVES_ALL_RUNS, &moves, err);
	const struct move_row *move = r < 0 ? NULL : moves_find(&moves, name);

	if (move && str_equal(move->copy, id))
		(void)snprintf(origin->version, sizeof(origin->version), "%s", move->from);
	return r;
}

static int look_bad(struct ledger *ledger, const char *version, bool *ret_is_bad,
		    struct dv_error *err)
{
	DV_AUTO_FREE char *reason = NULL;
	int r = *version ? known_bad_reason(ledger, version, &reason, err) : 0;

	*ret_is_bad = reason != NULL;
	return r;
}

int origin_find(struct ledger *ledger, const char *name, const char *id, const char *own,
		struct origin *ret_origin, struct dv_error *err)
{
	struct origin origin = { .level = ORIGIN_NO_LEVEL, .own_level = ORIGIN_NO_LEVEL };
	int own_level = GATES_NO_LEVEL;
	int r = find_copy(ledger, name, &origin, id, err);

	(void)snprintf(origin.own, sizeof(origin.own), "%s", own);
	if (r == 0 && !*origin.version)
		r = find_move(ledger, name, &origin, id, err);
	if (r == 0)
		r = look_bad(ledger, origin.version, &origin.is_bad, err);
	if (r == 0)
		r = look_bad(ledger, own, &origin.own_is_bad, err);
	if (r == 0)
		r = gates_level(ledger, own, &own_level, err);
	if (r < 0)
		return r;
	if (own_level != GATES_NO_LEVEL)
		origin.own_level = own_level;
	*ret_origin = origin;
	return 0;
}

/* There is nothing to go back to where it is the same one, or where nobody knows which. */
static bool is_another(const struct origin *origin)
{
	return *origin->version && !str_equal(origin->version, origin->own);
}

bool origin_asks_level(const struct origin *origin)
{
	return is_another(origin) && !origin->own_is_bad && origin->own_level == ORIGIN_NO_LEVEL;
}

bool origin_leads_back(const struct origin *origin, int64_t present_level)
{
	int64_t level = origin_asks_level(origin) ? present_level : origin->own_level;

	return is_another(origin) && (origin->own_is_bad || origin->level != level);
}
