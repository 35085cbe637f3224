/* schedule.c - see schedule.h.
 *
 * Two rounds over the same people, each with its own place: the eager one runs after every
 * reconcile, a page per turn of its timer until it is through; the slow one looks for one
 * due person per interval. A ring of the last starts is the hourly limit. Beside them a look
 * every few seconds at what failed: whoever logged in lately sits there and waits for it, so
 * their retries are on time and not counted; backoff keeps them few.
 */
#include "daemon/schedule.h"

#include "base/clock.h"
#include "base/log.h"
#include "ledger/people.h"
#include "ledger/steps_log.h"
#include "steps/due.h"
#include "steps/hold.h"
#include "steps/steps.h"

#define SCHEDULE_PAGE 16
#define PAGE_PAUSE_USEC 50000		  /* between two pages of one round */
#define IDLE_PAUSE_USEC (60 * 1000000ULL) /* after a round that found nobody */
#define BLOCKED_PAUSE_USEC (10 * 1000000ULL)
#define RETRY_PAUSE_USEC (5 * 1000000ULL)
#define RETRY_AT_ONCE 16 /* people per look */
#define LATELY_USEC (12 * 3600 * INT64_C(1000000))
#define HOUR_MS (3600 * 1000LL)
#define MAX_PER_HOUR 4096

struct round {
	char name[STR_USER_NAME_MAX + 1]; /* who was looked at last; "" at the start */
	sd_event_source *timer;
};

struct schedule {
	struct daemon *daemon;
	struct round eager, slow, retry;
	int64_t starts_ms[MAX_PER_HOUR]; /* a ring */
	unsigned int at;
};

enum found {
	FOUND_NOBODY, /* on this page */
	FOUND_ONE,
	FOUND_END, /* nobody, and the round is through */
	FOUND_LIMIT,
	FOUND_LATER, /* the ledger cannot be read now */
};

static unsigned int per_hour(const struct schedule *schedule)
{
	unsigned int n = schedule->daemon->config.home_per_hour;

	return n > MAX_PER_HOUR ? MAX_PER_HOUR : n;
}

static bool may_start(const struct schedule *schedule)
{
	unsigned int n = per_hour(schedule);
	int64_t nth_last_ms;

	if (n == 0)
		return false;
	nth_last_ms = schedule->starts_ms[(schedule->at + MAX_PER_HOUR - n) % MAX_PER_HOUR];
	return nth_last_ms == 0 || clock_now_ms() - nth_last_ms >= HOUR_MS;
}

static void note_start(struct schedule *schedule)
{
	schedule->starts_ms[schedule->at] = clock_now_ms();
	schedule->at = (schedule->at + 1) % MAX_PER_HOUR;
}

static bool is_wanted(struct daemon *daemon, struct ledger *ledger, const struct people_row *person)
{
	DV_AUTO_STEPS_LOG struct steps_log log = { 0 };

	if (person->state != PEOPLE_PRESENT || person->uid == PEOPLE_NO_UID || person->parked ||
	    queue_home_state(daemon->queue, person->name) != QUEUE_HOME_NONE)
		return false;
	if (steps_log_list(ledger, person->name, &log, NULL) < 0)
		return false; /* the next round looks again */
	/* systemd would skip the job of who is on hold, and they would stay due. */
	return due_home(person, &log, &daemon->config, daemon_now_usec(daemon)) &&
	       !hold_is_set(daemon->env, person->name);
}

static enum found look_at_page(struct schedule *schedule, struct round *round, bool only_eager)
{
	struct daemon *daemon = schedule->daemon;
	DV_AUTO_PEOPLE struct people page = { 0 };
	struct dv_error err = { "" };
	struct ledger *ledger;
	int r = store_get(&daemon->store, &ledger, &err);

	if (r == 0)
		r = people_list_page(ledger, round->name, SCHEDULE_PAGE, &page, &err);
	if (store_note(&daemon->store, r, &err) < 0)
		return FOUND_LATER;
	for (size_t i = 0; i < page.n_rows; i++) {
		const struct people_row *person = &page.rows[i];

		if ((!only_eager || person->eager) && is_wanted(daemon, ledger, person)) {
			if (!may_start(schedule))
				return FOUND_LIMIT; /* and looks at them again */
			if (daemon_request_home(daemon, person->name, QUEUE_SCHEDULED) < 0)
				return FOUND_LIMIT;
			note_start(schedule);
			(void)snprintf(round->name, sizeof(round->name), "%s", person->name);
			return FOUND_ONE;
		}
		(void)snprintf(round->name, sizeof(round->name), "%s", person->name);
	}
	if (page.n_rows == SCHEDULE_PAGE)
		return FOUND_NOBODY;
	*round->name = '\0';
	return FOUND_END;
}

static void again_in(const struct round *round, uint64_t usec)
{
	/* These fail for a source that is gone, and it lives as long as the schedule. */
	(void)sd_event_source_set_time_relative(round->timer, usec);
	(void)sd_event_source_set_enabled(round->timer, SD_EVENT_ONESHOT);
}

static int on_eager(sd_event_source *source DV_UNUSED, uint64_t usec DV_UNUSED, void *context)
{
	struct schedule *schedule = context;

	switch (look_at_page(schedule, &schedule->eager, true)) {
	case FOUND_NOBODY:
	case FOUND_ONE:
		again_in(&schedule->eager, PAGE_PAUSE_USEC);
		break;
	case FOUND_LIMIT:
	case FOUND_LATER:
		again_in(&schedule->eager, BLOCKED_PAUSE_USEC);
		break;
	case FOUND_END:
		break;
	}
	return 0;
}

static uint64_t interval_usec(const struct schedule *schedule)
{
	unsigned int n = per_hour(schedule);

	return n ? HOUR_MS * 1000ULL / n : IDLE_PAUSE_USEC;
}

static int on_slow(sd_event_source *source DV_UNUSED, uint64_t usec DV_UNUSED, void *context)
{
	struct schedule *schedule = context;
	uint64_t pause_usec = interval_usec(schedule);

	switch (look_at_page(schedule, &schedule->slow, false)) {
	case FOUND_NOBODY:
		pause_usec = PAGE_PAUSE_USEC;
		break;
	case FOUND_ONE:
		break;
	case FOUND_LIMIT:
	case FOUND_LATER:
	case FOUND_END:
		if (pause_usec < IDLE_PAUSE_USEC)
			pause_usec = IDLE_PAUSE_USEC;
		break;
	}
	again_in(&schedule->slow, pause_usec);
	return 0;
}

static bool is_failed_and_due(const struct daemon *daemon, const struct steps_log_row *row)
{
	const struct step *step = step_find(row->step);

	return step && step->place == STEP_HOME && row->status == STEPS_LOG_FAILED &&
	       row->next_retry_usec <= daemon_now_usec(daemon);
}

static bool is_retry(const struct daemon *daemon, const struct steps_log_row *row)
{
	return is_failed_and_due(daemon, row) &&
	       daemon_last_login_usec(daemon, row->name) > daemon_now_usec(daemon) - LATELY_USEC &&
	       queue_home_state(daemon->queue, row->name) == QUEUE_HOME_NONE;
}

static void look_at_failures(struct daemon *daemon)
{
	DV_AUTO_STEPS_LOG struct steps_log failed = { 0 };
	struct dv_error err = { "" };
	struct ledger *ledger;
	int r = store_get(&daemon->store, &ledger, &err);
	int n = 0;

	if (r == 0)
		r = steps_log_list_failed(ledger, &failed, &err);
	if (store_note(&daemon->store, r, &err) < 0)
		return; /* the next look */
	for (size_t i = 0; i < failed.n_rows && n < RETRY_AT_ONCE; i++) {
		DV_AUTO_PEOPLE_ROW struct people_row person = { 0 };

		if (!is_retry(daemon, &failed.rows[i]) ||
		    people_get(ledger, failed.rows[i].name, &person, NULL) < 0 ||
		    !is_wanted(daemon, ledger, &person))
			continue;
		n++;
		if (daemon_request_home(daemon, person.name, QUEUE_SCHEDULED) < 0)
			return;
	}
}

static int on_retry(sd_event_source *source DV_UNUSED, uint64_t usec DV_UNUSED, void *context)
{
	struct schedule *schedule = context;

	look_at_failures(schedule->daemon);
	again_in(&schedule->retry, RETRY_PAUSE_USEC);
	return 0;
}

/* One more try of a step that was due, with the words of the last: else the next look, and each behind it,
 * would ask for the job again. */
static int count_try(struct daemon *daemon, struct ledger *ledger, const struct steps_log_row *row,
		     struct dv_error *err)
{
	return steps_log_put(ledger,
			     &(struct steps_log_result){
				     .name = row->name,
				     .step = row->step,
				     .status = row->status,
				     .error = row->error,
				     .fingerprint = row->fingerprint,
				     .generation = row->generation,
				     .now_usec = daemon_now_usec(daemon),
			     },
			     err);
}

void schedule_home_failed(struct schedule *schedule, const char *user)
{
	struct daemon *daemon = schedule->daemon;
	DV_AUTO_STEPS_LOG struct steps_log log = { 0 };
	struct dv_error err = { "" };
	struct ledger *ledger;
	int r = store_get(&daemon->store, &ledger, &err);

	if (r == 0)
		r = steps_log_list(ledger, user, &log, &err);
	for (size_t i = 0; r == 0 && i < log.n_rows; i++) {
		if (is_failed_and_due(daemon, &log.rows[i]))
			r = count_try(daemon, ledger, &log.rows[i], &err);
	}
	if (store_note(&daemon->store, r, &err) < 0)
		log_debug("%s", err.text); /* it is tried once too often */
}

void schedule_wake(struct schedule *schedule)
{
	*schedule->eager.name = '\0';
	again_in(&schedule->eager, 0);
}

static int add_timer(struct schedule *schedule, struct round *round, uint64_t usec,
		     sd_event_time_handler_t on_time)
{
	int r = sd_event_add_time_relative(schedule->daemon->event, &round->timer, CLOCK_MONOTONIC,
					   usec, 0, on_time, schedule);

	return r < 0 ? r : sd_event_source_set_priority(round->timer, DAEMON_PRIORITY_IDLE);
}

static void schedule_freep(struct schedule **schedule)
{
	schedule_free(*schedule);
}

int schedule_new(struct schedule **ret_schedule, struct daemon *daemon, struct dv_error *err)
{
	DV_CLEANUP(schedule_freep) struct schedule *schedule = calloc(1, sizeof(*schedule));
	int r;

	if (!schedule)
		return dv_fail(err, -ENOMEM, "set up the schedule");
	schedule->daemon = daemon;
	/* Not at once: a daemon that restarts over and over must not start jobs each time. */
	r = add_timer(schedule, &schedule->slow, interval_usec(schedule), on_slow);
	if (r >= 0)
		r = add_timer(schedule, &schedule->eager, 0, on_eager);
	if (r >= 0)
		r = sd_event_source_set_enabled(schedule->eager.timer, SD_EVENT_OFF);
	if (r >= 0)
		r = add_timer(schedule, &schedule->retry, RETRY_PAUSE_USEC, on_retry);
	if (r < 0)
		return dv_fail(err, r, "set up the schedule");
	*ret_schedule = DV_TAKE_PTR(schedule);
	return 0;
}

void schedule_free(struct schedule *schedule)
{
	if (!schedule)
		return;
	sd_event_source_disable_unref(schedule->eager.timer);
	sd_event_source_disable_unref(schedule->slow.timer);
	sd_event_source_disable_unref(schedule->retry.timer);
	free(schedule);
}
