/* watchdog.c - see watchdog.h. */
#include "move/watchdog.h"

#include <string.h>

static bool is_recent(int64_t at_usec, int64_t now_usec)
{
	return at_usec > 0 && at_usec <= now_usec && now_usec - at_usec < WATCHDOG_WINDOW_USEC;
}

struct watch_row watchdog_set_aside(const struct watch_row *before, int64_t now_usec)
{
	struct watch_row after = { 0 };
	size_t n = 0;

	memcpy(after.name, before->name, sizeof(after.name));
	for (size_t i = 0; i < WATCHES_MAX_RESTARTS; i++) {
		if (is_recent(before->restart_usec[i], now_usec))
			after.restart_usec[n++] = before->restart_usec[i];
	}
	return after;
}

bool watchdog_is_same(const struct watch_row *a, const struct watch_row *b)
{
	return a->n_fails == b->n_fails && a->started_usec == b->started_usec &&
	       a->first_fail_usec == b->first_fail_usec &&
	       memcmp(a->restart_usec, b->restart_usec, sizeof(a->restart_usec)) == 0 &&
	       a->alerted_usec == b->alerted_usec && a->stood_down_usec == b->stood_down_usec;
}

bool watchdog_is_blank(const struct watch_row *row)
{
	return watchdog_is_same(row, &(struct watch_row){ 0 });
}

/* What was counted of this run of the server, and no earlier one's. */
static struct watch_row take_over(const struct watch_row *before, const struct watchdog_seen *seen)
{
	struct watch_row row = *before;

	/* Somebody has started it since, or the clock was set back. */
	if (row.started_usec != seen->started_usec || row.first_fail_usec > seen->now_usec)
		return watchdog_set_aside(before, seen->now_usec);
	memcpy(row.restart_usec, watchdog_set_aside(before, seen->now_usec).restart_usec,
	       sizeof(row.restart_usec));
	return row;
}

static enum watchdog_action stand_down(struct watch_row *row, int64_t now_usec)
{
	row->stood_down_usec = now_usec;
	return WATCHDOG_STAND_DOWN;
}

static enum watchdog_action alert(struct watch_row *row, int64_t now_usec,
				  enum watchdog_action action)
{
	if (row->alerted_usec)
		return WATCHDOG_NOTHING;
	row->alerted_usec = now_usec;
	return action;
}

static enum watchdog_action restart(struct watch_row *row, int64_t now_usec,
				    enum watchdog_action action)
{
	struct watch_row after = watchdog_set_aside(row, now_usec);

	memmove(after.restart_usec + 1, after.restart_usec,
		(WATCHES_MAX_RESTARTS - 1) * sizeof(*after.restart_usec));
	after.restart_usec[0] = now_usec;
	*row = after;
	return action;
}

/* Of one that has failed often enough. */
static enum watchdog_action judge(const struct watchdog_rules *rules,
				  const struct watchdog_seen *seen, struct watch_row *row)
{
	int64_t now_usec = seen->now_usec;

	if (row->stood_down_usec)
		return WATCHDOG_NOTHING;
	if (seen->answer == ALIVE_FOREIGN)
		return alert(row, now_usec, WATCHDOG_ALERT_FOREIGN);
	if (row->restart_usec[WATCHES_MAX_RESTARTS - 1])
		return stand_down(row, now_usec);
	switch (seen->turn) {
	case WATCHDOG_TURN_UNASKED:
		return WATCHDOG_ASK;
	case WATCHDOG_TURN_IDLE:
		return restart(row, now_usec, WATCHDOG_RESTART);
	case WATCHDOG_TURN_BUSY:
		break;
	}
	if (row->alerted_usec && rules->force_after_usec > 0 &&
	    now_usec - row->first_fail_usec >= rules->force_after_usec)
		return restart(row, now_usec, WATCHDOG_FORCE);
	return alert(row, now_usec, WATCHDOG_ALERT);
}

/* The clock was set back since: how long it runs is not known, but for how long it has been seen to fail. */
static bool is_of_the_future(const struct watchdog_seen *seen)
{
	return seen->started_usec > seen->now_usec;
}

static bool is_past_grace(const struct watchdog_rules *rules, const struct watchdog_seen *seen,
			  int64_t since_usec)
{
	return seen->now_usec - since_usec >= rules->grace_usec;
}

enum watchdog_action watchdog_decide(const struct watchdog_rules *rules,
				     const struct watchdog_seen *seen,
				     const struct watch_row *before, struct watch_row *ret_after)
{
	struct watch_row row = take_over(before, seen);
	bool was_alerted = row.alerted_usec || row.stood_down_usec;
	enum watchdog_action action = WATCHDOG_NOTHING;

	if (seen->answer == ALIVE_YES) {
		row = watchdog_set_aside(&row, seen->now_usec);
		action = was_alerted ? WATCHDOG_RECOVERED : WATCHDOG_NOTHING;
	} else if (seen->answer != ALIVE_UNSET && seen->started_usec > 0 &&
		   (is_of_the_future(seen) || is_past_grace(rules, seen, seen->started_usec))) {
		row.started_usec = seen->started_usec;
		row.first_fail_usec = row.n_fails++ == 0 ? seen->now_usec : row.first_fail_usec;
		if (row.n_fails >= rules->n_fails &&
		    (!is_of_the_future(seen) || is_past_grace(rules, seen, row.first_fail_usec)))
			action = judge(rules, seen, &row);
	}
	*ret_after = row;
	return action;
}
