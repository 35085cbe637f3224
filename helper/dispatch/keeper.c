/* keeper.c - see keeper.h. */
#include "dispatch/keeper.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "dispatch/line.h"

#define CHECK_MS 3000
#define KEPT_MS 30000 /* t3 (node) closes after five seconds itself */
#define TICK_USEC 250000

struct keeper_line {
	struct line line; /* the first member: its callbacks find us by it */
	struct keeper *keeper;
	struct keeper_line *next;
	struct keeper_ask *ask; /* NULL: it is idle */
	int64_t idle_ms;	/* since when */
};

/* ---- lines ---------------------------------------------------------------------------- */

static void put_first(struct keeper_line *kept)
{
	kept->next = kept->keeper->first;
	kept->keeper->first = kept;
}

static void unlink_line(struct keeper_line *kept)
{
	struct keeper_line **at = &kept->keeper->first;

	while (*at != kept)
		at = &(*at)->next;
	*at = kept->next;
}

static void close_line(struct keeper_line *kept)
{
	unlink_line(kept);
	kept->keeper->n_lines--;
	line_close(&kept->line);
	free(kept);
}

/* Its question has ended: it is kept for the next where it can be. */
static void free_line(struct keeper_line *kept, bool is_answered)
{
	if (!is_answered || !line_rest(&kept->line)) {
		close_line(kept);
		return;
	}
	kept->ask = NULL;
	kept->idle_ms = clock_now_ms();
	unlink_line(kept);
	put_first(kept);
}

/* One that is kept, and as it was left. */
static struct keeper_line *find_idle(struct keeper *keeper, const struct pair_target *target)
{
	struct keeper_line *next;

	for (struct keeper_line *kept = keeper->first; kept; kept = next) {
		next = kept->next;
		if (kept->ask || !line_is_of(&kept->line, target))
			continue;
		if (line_is_silent(&kept->line))
			return kept;
		close_line(kept);
	}
	return NULL;
}

/* Room for one more of theirs; an idle one of somebody, the longest unused, makes it. */
static bool make_room(struct keeper *keeper, const struct pair_target *target)
{
	struct keeper_line *idle = NULL;
	size_t n_own = 0;

	for (struct keeper_line *kept = keeper->first; kept; kept = kept->next) {
		n_own += line_is_of(&kept->line, target);
		if (!kept->ask)
			idle = kept;
	}
	if (n_own >= KEEPER_MAX_PERSON)
		return false;
	if (keeper->n_lines < KEEPER_MAX)
		return true;
	if (idle)
		close_line(idle);
	return idle;
}

/* ---- a question ----------------------------------------------------------------------- */

static void end_ask(struct keeper *keeper, struct keeper_ask *ask, int r, enum t3_session session,
		    const struct dv_error *err)
{
	keeper->n_asks--;
	ask->end(ask, r, session, err);
}

static void on_line_end(struct line *line, int r, enum t3_session session,
			const struct dv_error *err);

static void on_line_lost(struct line *line)
{
	close_line((struct keeper_line *)line);
}

/* Takes `ask` unless it fails. */
static int open_line(struct keeper *keeper, struct keeper_ask *ask, struct dv_error *err)
{
	DV_AUTO_FREE struct keeper_line *kept = calloc(1, sizeof(*kept));
	int r;

	if (!kept)
		return dv_fail(err, -ENOMEM, "connect to %s's server", ask->target.user);
	kept->line.on_end = on_line_end;
	kept->line.on_lost = on_line_lost;
	kept->keeper = keeper;
	kept->ask = ask;
	r = line_open(&kept->line, keeper->event, &ask->target, ask->cookies, err);
	if (r < 0)
		return r;
	keeper->n_lines++;
	put_first(DV_TAKE_PTR(kept));
	return 0;
}

/* By a new connection. */
static void ask_anew(struct keeper *keeper, struct keeper_ask *ask)
{
	struct dv_error err = { "" };
	int r = open_line(keeper, ask, &err);

	if (r < 0)
		end_ask(keeper, ask, r, T3_SESSION_UNSET, &err);
}

/* Whether it need not wait: there is a kept line (`*ret_kept`), or room for one. */
static bool can_ask(struct keeper *keeper, const struct pair_target *target,
		    struct keeper_line **ret_kept)
{
	*ret_kept = find_idle(keeper, target);
	return *ret_kept || make_room(keeper, target);
}

static void run_ask(struct keeper *keeper, struct keeper_ask *ask, struct keeper_line *kept)
{
	struct dv_error err = { "" };

	if (kept) {
		kept->ask = ask;
		if (line_ask(&kept->line, &ask->target, ask->cookies, &err) == 0)
			return;
		close_line(kept);
	}
	ask_anew(keeper, ask);
}

static void drop_waiting(struct keeper *keeper, struct keeper_ask **at)
{
	*at = (*at)->next;
	if (!*at)
		keeper->last_waiting = at;
}

/* Those that wait for the same server, as many as can; and where all were at their most, those of anybody. */
static void ask_waiting(struct keeper *keeper, const struct pair_target *freed)
{
	bool was_full = keeper->n_lines + 1 >= KEEPER_MAX;
	struct keeper_ask **at = &keeper->waiting;

	while (*at) {
		struct keeper_ask *ask = *at;
		bool is_own = ask->target.uid == freed->uid && ask->target.port == freed->port;
		struct keeper_line *kept = NULL;

		if ((is_own || was_full) && can_ask(keeper, &ask->target, &kept)) {
			drop_waiting(keeper, at);
			run_ask(keeper, ask, kept);
		} else if (is_own && !was_full) {
			return;
		} else {
			at = &ask->next;
		}
	}
}

static void end_line(struct keeper_line *kept, int r, enum t3_session session,
		     const struct dv_error *err)
{
	struct keeper *keeper = kept->keeper;
	struct keeper_ask *ask = kept->ask;
	const struct pair_target target = ask->target;
	bool is_again = r < 0 && line_is_stale(&kept->line) && clock_left_ms(ask->deadline_ms) > 0;

	free_line(kept, r == 0);
	if (is_again)
		ask_anew(keeper, ask);
	else
		end_ask(keeper, ask, r, session, err);
	ask_waiting(keeper, &target);
}

static void on_line_end(struct line *line, int r, enum t3_session session,
			const struct dv_error *err)
{
	end_line((struct keeper_line *)line, r, session, err);
}

/* ---- time ----------------------------------------------------------------------------- */

static struct keeper_line *find_late(const struct keeper *keeper, int64_t now_ms)
{
	for (struct keeper_line *kept = keeper->first; kept; kept = kept->next) {
		if (kept->ask ? kept->ask->deadline_ms <= now_ms : now_ms - kept->idle_ms > KEPT_MS)
			return kept;
	}
	return NULL;
}

static int on_tick(sd_event_source *source, uint64_t usec DV_UNUSED, void *context)
{
	static const struct dv_error late = { "its server did not answer in time" };
	struct keeper *keeper = context;
	int64_t now_ms = clock_now_ms();
	struct keeper_line *kept;

	/* Those that wait first: they came with a deadline, too, and a line that ends would start them. */
	for (struct keeper_ask **at = &keeper->waiting; *at;) {
		struct keeper_ask *ask = *at;

		if (ask->deadline_ms > now_ms) {
			at = &ask->next;
			continue;
		}
		drop_waiting(keeper, at);
		end_ask(keeper, ask, -ETIMEDOUT, T3_SESSION_UNSET, &late);
	}
	while ((kept = find_late(keeper, now_ms))) {
		if (kept->ask)
			end_line(kept, -ETIMEDOUT, T3_SESSION_UNSET, &late);
		else
			close_line(kept);
	}
	if (!keeper->first && !keeper->waiting)
		return 0;
	(void)sd_event_source_set_time_relative(source, TICK_USEC);
	(void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

static int start_tick(struct keeper *keeper)
{
	int enabled = SD_EVENT_OFF, r;

	if (!keeper->tick)
		return sd_event_add_time_relative(keeper->event, &keeper->tick, CLOCK_MONOTONIC,
						  TICK_USEC, 0, on_tick, keeper);
	r = sd_event_source_get_enabled(keeper->tick, &enabled);
	if (r < 0 || enabled != SD_EVENT_OFF)
		return r;
	r = sd_event_source_set_time_relative(keeper->tick, TICK_USEC);
	return r < 0 ? r : sd_event_source_set_enabled(keeper->tick, SD_EVENT_ONESHOT);
}

/* ---- who asks ------------------------------------------------------------------------- */

void keeper_submit(struct keeper *keeper, struct keeper_ask *ask)
{
	static const struct dv_error many = { "too many sessions are asked for at once" },
				     bad = { "its cookies are none that can be passed on" },
				     clock = { "the loop has no clock" };
	struct keeper_line *kept = NULL;

	ask->next = NULL;
	ask->deadline_ms = clock_deadline_ms(CHECK_MS);
	keeper->n_asks++;
	if (!keeper->last_waiting)
		keeper->last_waiting = &keeper->waiting;
	/* A second header, or a second request, in what was to be one value. */
	if (strpbrk(ask->cookies, "\r\n")) {
		end_ask(keeper, ask, -EINVAL, T3_SESSION_UNSET, &bad);
	} else if (keeper->n_asks > KEEPER_MAX_ASKS) {
		end_ask(keeper, ask, -EBUSY, T3_SESSION_UNSET, &many);
	} else if (start_tick(keeper) < 0) {
		end_ask(keeper, ask, -ENOMEM, T3_SESSION_UNSET, &clock);
	} else if (can_ask(keeper, &ask->target, &kept)) {
		run_ask(keeper, ask, kept);
	} else {
		*keeper->last_waiting = ask;
		keeper->last_waiting = &ask->next;
	}
}

void keeper_done(struct keeper *keeper)
{
	static const struct dv_error ended = { "devvm-dispatch ends" };

	while (keeper->waiting) {
		struct keeper_ask *ask = keeper->waiting;

		drop_waiting(keeper, &keeper->waiting);
		end_ask(keeper, ask, -ECANCELED, T3_SESSION_UNSET, &ended);
	}
	while (keeper->first) {
		struct keeper_ask *ask = keeper->first->ask;

		close_line(keeper->first);
		if (ask)
			end_ask(keeper, ask, -ECANCELED, T3_SESSION_UNSET, &ended);
	}
	keeper->tick = sd_event_source_disable_unref(keeper->tick);
}
