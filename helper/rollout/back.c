/* back.c - a version is bad: for good, and for everybody who has it already. See back.h.
 *
 * Whoever has worked with it since would lose that with their old database, so they stay, are named, and an
 * administrator decides; so does whoever may be at work just now. It does not matter which run gave it to them. Nothing
 * here needs a network: pointers, and copies that are on this machine.
 */
#include "rollout/back.h"

#include <poll.h>
#include <string.h>

#include "base/log.h"
#include "ledger/events.h"
#include "ledger/known_bad.h"
#include "move/move.h"
#include "move/placing.h"
#include "rollout/bad.h"
#include "update/freeze.h"

#define NAMES_BYTES 120
/* What stands in the way of somebody may be over in a moment: a freeze that did not succeed, another job at work on
 * them. They would be left with a bad version for it. Nobody waits for them: they come again behind all others. */
#define N_PASSES 3
#define PASS_EVERY_MS 5000

enum way {
	WAY_UNSET,
	WAY_BACK,
	WAY_STAYED, /* and that is told */
	WAY_LATER,  /* nothing was done yet */
};

struct tally {
	unsigned int n_back, n_failed;
	bool *is_done; /* of each row that there was */
	/* Names, as many as fit: who has worked with it, and who keeps it for another reason. */
	char stayed[NAMES_BYTES], kept[NAMES_BYTES];
};

static void add_name(char names[static NAMES_BYTES], const char *name)
{
	size_t n = strlen(names);

	(void)snprintf(names + n, NAMES_BYTES - n, "%s%s", n > 0 ? ", " : "", name);
}

/* `keeps` says why. What an administrator may do needs the copy. */
static int stay(struct rollout *rollout, struct move_row *row, const char *keeps,
		char names[static NAMES_BYTES], struct dv_error *err)
{
	int64_t now_usec = rollout->env.wall_usec(&rollout->env);
	char text[ERROR_MAX_BYTES];
	int r;

	add_name(names, row->name);
	row->state = UPDATE_STATE_STAYED;
	if (*row->copy)
		(void)snprintf(row->reason, sizeof(row->reason),
			       "%.120s: devvmctl restore %s %s puts back the copy from before",
			       keeps, row->name, row->copy);
	else
		(void)snprintf(row->reason, sizeof(row->reason), "%.250s", keeps);
	(void)snprintf(text, sizeof(text), "%s keeps t3 %s, which is bad: %s", row->name, row->to,
		       row->reason);
	r = moves_enter(rollout->ledger, row, now_usec, err);
	return r < 0 ? r
		     : events_add(rollout->ledger, now_usec, LOG_WARNING, row->name, "update", text,
				  err);
}

/* Of an older run: what leads back may have gone since. `ret_keeps` is "" where it is there. */
static void find_way(struct rollout *rollout, const struct move_row *row,
		     char ret_keeps[static TURN_WHY_BYTES])
{
	const struct placing placing = {
		.env = &rollout->env, .ledger = rollout->ledger, .user = row->name, .id = row->copy
	};
	char sha256[DIGEST_HEX_BYTES];
	struct dv_error err = { "" };

	ret_keeps[0] = '\0';
	if (!store_has(&rollout->env, ROLLOUT_ITEM, row->from))
		(void)snprintf(ret_keeps, TURN_WHY_BYTES, "t3 %s is not on this machine any more",
			       row->from);
	else if (*row->copy && placing_check(&placing, sha256, &err) < 0)
		(void)snprintf(ret_keeps, TURN_WHY_BYTES, "%.127s", err.text);
}

/* Somebody who was moved. Negative where they could not be brought back, with `ret_why`. */
static int return_moved(struct rollout *rollout, const struct mover *mover, struct move_row *row,
			const char *why, bool is_last, struct tally *tally, enum way *ret_way,
			struct dv_error *ret_why)
{
	enum worked worked = WORKED_UNSET;
	char keeps[TURN_WHY_BYTES] = "";
	int64_t given_by = row->run;
	int r;

	if (given_by != mover->run)
		find_way(rollout, row, keeps);
	*ret_way = WAY_STAYED;
	/* What is done from here on is in the journal of this run. */
	row->run = mover->run;
	if (*keeps)
		return stay(rollout, row, keeps, tally->kept, ret_why);
	r = move_back_idle(mover, row, why, &worked, keeps, ret_why);
	if (r < 0 && row->state == UPDATE_STATE_MOVED) {
		(void)snprintf(keeps, sizeof(keeps), "%.127s", ret_why->text);
		r = 0;
	}
	if (r < 0)
		return r;
	if (!*keeps) {
		*ret_way = WAY_BACK;
		return 0;
	}
	if (!is_last && worked != WORKED_YES) {
		log_notice("update: %s has t3 %s still: %s", row->name, row->to, keeps);
		row->run = given_by;
		*ret_way = WAY_LATER;
		return 0;
	}
	return stay(rollout, row, keeps, worked == WORKED_YES ? tally->stayed : tally->kept,
		    ret_why);
}

static int bring_back(struct rollout *rollout, const struct mover *mover, struct move_row *row,
		      const char *why, bool is_last, struct tally *tally, enum way *ret_way,
		      struct dv_error *err)
{
	struct dv_error back_err = { "" };
	char text[ERROR_MAX_BYTES];
	int64_t now_usec;
	int r;

	*ret_way = WAY_BACK;
	r = row->state == UPDATE_STATE_MOVED
		    ? return_moved(rollout, mover, row, why, is_last, tally, ret_way, &back_err)
		    : move_back(mover, row, why, &back_err);
	now_usec = rollout->env.wall_usec(&rollout->env);
	if (r == 0 && *ret_way != WAY_BACK)
		return 0;
	if (r == 0) {
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

/* Whether they have it, of whatever run: in this one who is between as well, and of all others whose move to it came
 * to its end and whose version it still is. Who has left runs nothing. */
static int has_it(struct rollout *rollout, const struct move_row *row, int64_t id,
		  const char *version, struct tally *tally, bool *ret_has, struct dv_error *err)
{
	struct dv_error why = { "" };
	DV_AUTO_PEOPLE_ROW struct people_row person = { 0 };
	char own[STORE_VERSION_BYTES] = "";
	int r;

	*ret_has = row->run == id &&
		   (row->state == UPDATE_STATE_MOVED || moves_is_between(row->state));
	if (row->run == id || row->state != UPDATE_STATE_MOVED || strcmp(row->to, version) != 0)
		return 0;
	r = people_get(rollout->ledger, row->name, &person, err);
	if (r < 0 || person.state != PEOPLE_PRESENT)
		return r;
	/* Whoever else has it is not to keep it for one link that is broken. */
	if (store_get_pointer(&rollout->env, ROLLOUT_ITEM, row->name, own, &why) < 0) {
		tally->n_failed++;
		log_error("update: which t3 %s has cannot be told: %s", row->name, why.text);
	}
	*ret_has = strcmp(own, version) == 0;
	return 0;
}

/* Once each, of those who are not done; how many are to come again. */
static int pass(struct rollout *rollout, const struct mover *mover, const char *version,
		const char *why, bool is_last, struct moves *moves, struct tally *tally,
		unsigned int *ret_n_later, struct dv_error *err)
{
	int r = 0;

	*ret_n_later = 0;
	/* Whoever came last has had the least time to work with it. */
	for (size_t i = moves->n_rows; r == 0 && i > 0; i--) {
		struct move_row *row = &moves->rows[i - 1];
		enum way way = WAY_UNSET;
		bool has = false;

		if (tally->is_done[i - 1])
			continue;
		r = has_it(rollout, row, mover->run, version, tally, &has, err);
		if (r == 0 && has)
			r = bring_back(rollout, mover, row, why, is_last, tally, &way, err);
		tally->is_done[i - 1] = way != WAY_LATER;
		*ret_n_later += way == WAY_LATER;
	}
	return r;
}

static int bring_all_back(struct rollout *rollout, const struct mover *mover, const char *version,
			  const char *why, struct tally *tally, struct dv_error *err)
{
	DV_AUTO_MOVES struct moves moves = { 0 };
	DV_AUTO_FREE bool *is_done = NULL;
	unsigned int n_later = 1;
	int r = moves_list(rollout->ledger, MOVES_ALL_RUNS, &moves, err);

	if (r < 0)
		return r;
	is_done = calloc(moves.n_rows + 1, sizeof(*is_done));
	if (!is_done)
		return dv_fail(err, -ENOMEM, "take everybody back");
	tally->is_done = is_done;
	for (int n = 1; r == 0 && n_later > 0 && n <= N_PASSES; n++) {
		if (n > 1)
			(void)poll(NULL, 0, PASS_EVERY_MS);
		r = pass(rollout, mover, version, why, n == N_PASSES, &moves, tally, &n_later, err);
	}
	tally->is_done = NULL;
	return r;
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
	if (*tally->kept && n < sizeof(rollout->text))
		n += (size_t)snprintf(rollout->text + n, sizeof(rollout->text) - n,
				      ", %s kept it for now: devvmctl events says why",
				      tally->kept);
	if (tally->n_failed > 0 && n < sizeof(rollout->text))
		n += (size_t)snprintf(rollout->text + n, sizeof(rollout->text) - n,
				      ", %u could not be brought back yet", tally->n_failed);
	if (n < sizeof(rollout->text))
		(void)snprintf(rollout->text + n, sizeof(rollout->text) - n,
			       "; versions are frozen until devvmctl unfreeze");
}

static int freeze(struct rollout *rollout, int64_t id, const char *version, const char *why,
		  struct dv_error *err)
{
	char reason[FREEZE_REASON_MAX + 1];
	int r;

	(void)snprintf(reason, sizeof(reason), "t3 %.40s is bad: %.100s", version, why);
	r = freeze_set(&rollout->env, reason, 0, id, err);
	if (r != -EINVAL)
		return r;
	/* The sentence is not fit for a file of one line. */
	(void)snprintf(reason, sizeof(reason), "t3 %.40s is bad", version);
	return freeze_set(&rollout->env, reason, 0, id, err);
}

enum update_outcome rollout_roll_back(struct rollout *rollout, int64_t id, const char *version,
				      const char *why)
{
	const struct mover mover = { .env = &rollout->env,
				     .config = &rollout->config,
				     .ledger = rollout->ledger,
				     .manager = rollout->manager,
				     .run = id };
	struct dv_error err = { "" }, frozen_err = { "" };
	struct tally tally = { 0 };
	int frozen, r = rollout_condemn(rollout, version, id, why, &err);

	if (r < 0)
		return rollout_end_with(rollout, UPDATE_FAILED, &err);
	/* Before anything takes its time: no other run is to begin meanwhile, and none afterwards. Where it cannot be,
	 * people go back all the same, and whoever goes on with this run freezes. */
	frozen = freeze(rollout, id, version, why, &frozen_err);
	r = bring_all_back(rollout, &mover, version, why, &tally, &err);
	if (r < 0 || frozen < 0)
		return rollout_end_with(rollout, UPDATE_FAILED, r < 0 ? &err : &frozen_err);
	describe(rollout, version, why, &tally);
	return UPDATE_ROLLED_BACK;
}
