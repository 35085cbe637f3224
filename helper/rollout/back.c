/* back.c - a version is bad: for good, and for everybody who has it already. See back.h.
 *
 * Whoever has worked with it since would lose that with their old database, so they stay, are named, and an
 * administrator decides. Nothing here needs a network: pointers, and copies that are on this machine.
 */
#include "rollout/back.h"

#include <string.h>

#include "base/log.h"
#include "ledger/events.h"
#include "ledger/known_bad.h"
#include "move/move.h"
#include "rollout/bad.h"
#include "update/freeze.h"

struct tally {
	unsigned int n_back, n_failed;
	char stayed[160]; /* their names, as many as fit */
};

static int stay(struct rollout *rollout, struct move_row *row, struct tally *tally,
		struct dv_error *err)
{
	size_t n = strlen(tally->stayed);

	(void)snprintf(tally->stayed + n, sizeof(tally->stayed) - n, "%s%s", n > 0 ? ", " : "",
		       row->name);
	row->state = UPDATE_STATE_STAYED;
	(void)snprintf(row->reason, sizeof(row->reason),
		       "they have worked with it since: devvmctl restore %s %s puts back the copy "
		       "from before",
		       row->name, row->copy);
	return moves_enter(rollout->ledger, row, rollout->env.wall_usec(&rollout->env), err);
}

static int bring_back(struct rollout *rollout, const struct mover *mover, struct move_row *row,
		      const char *why, struct tally *tally, struct dv_error *err)
{
	struct dv_error back_err = { "" };
	char text[ERROR_MAX_BYTES];
	int64_t now_usec = rollout->env.wall_usec(&rollout->env);

	if (row->state != UPDATE_STATE_MOVED && !moves_is_between(row->state))
		return 0;
	if (row->state == UPDATE_STATE_MOVED && move_has_worked(mover, row))
		return stay(rollout, row, tally, err);
	if (move_back(mover, row, why, &back_err) == 0) {
		tally->n_back++;
		(void)snprintf(text, sizeof(text), "%s is back on t3 %s", row->name, row->from);
		return events_add(rollout->ledger, now_usec, LOG_WARNING, row->name, "update", text,
				  err);
	}
	tally->n_failed++;
	log_error("update: %s", back_err.text);
	return events_add(rollout->ledger, now_usec, LOG_ERR, row->name, "update", back_err.text,
			  err);
}

static void describe(struct rollout *rollout, const char *version, const char *why,
		     const struct tally *tally)
{
	size_t n = (size_t)snprintf(rollout->text, sizeof(rollout->text),
				    "t3 %.40s is bad: %.200s; %u went back", version, why,
				    tally->n_back);

	if (*tally->stayed)
		n += (size_t)snprintf(rollout->text + n, sizeof(rollout->text) - n,
				      ", %s stayed, having worked with it", tally->stayed);
	if (tally->n_failed > 0 && n < sizeof(rollout->text))
		n += (size_t)snprintf(rollout->text + n, sizeof(rollout->text) - n,
				      ", %u could not be brought back yet", tally->n_failed);
	if (n < sizeof(rollout->text))
		(void)snprintf(rollout->text + n, sizeof(rollout->text) - n,
			       "; versions are frozen until devvmctl unfreeze");
}

enum update_outcome rollout_roll_back(struct rollout *rollout, int64_t id, const char *version,
				      const char *why)
{
	const struct mover mover = { .env = &rollout->env,
				     .config = &rollout->config,
				     .ledger = rollout->ledger,
				     .manager = rollout->manager,
				     .run = id };
	DV_AUTO_MOVES struct moves moves = { 0 };
	struct dv_error err = { "" };
	struct tally tally = { 0 };
	char reason[FREEZE_REASON_MAX + 1];
	int r = rollout_condemn(rollout, version, id, why, &err);

	/* Before anything takes its time: no other run is to begin meanwhile, and none afterwards. */
	(void)snprintf(reason, sizeof(reason), "t3 %.40s is bad: %.100s", version, why);
	if (r == 0)
		r = freeze_set(&rollout->env, reason, 0, id, &err);
	if (r == -EINVAL) { /* the sentence is not fit for a file of one line */
		(void)snprintf(reason, sizeof(reason), "t3 %.40s is bad", version);
		r = freeze_set(&rollout->env, reason, 0, id, &err);
	}
	if (r == 0)
		r = moves_list(rollout->ledger, id, &moves, &err);
	/* Whoever came last has had the least time to work with it. */
	for (size_t i = moves.n_rows; r == 0 && i > 0; i--)
		r = bring_back(rollout, &mover, &moves.rows[i - 1], why, &tally, &err);
	if (r < 0)
		return rollout_end_with(rollout, UPDATE_FAILED, &err);
	describe(rollout, version, why, &tally);
	return UPDATE_ROLLED_BACK;
}
