/* reports.c - see reports.h. */
#include "daemon/reports.h"

#include <string.h>
#include <sys/queue.h>

#include "base/log.h"
#include "base/str.h"
#include "daemon/daemon.h"
#include "daemon/server.h"
#include "ledger/events.h"

enum report_change {
	REPORT_SAME,
	REPORT_FAILED,
	REPORT_RECOVERED, /* the first ok after a failure */
};

struct report {
	TAILQ_ENTRY(report) in_list;
	char *user, *step, *error, *fingerprint;
	struct reports_item item; /* its strings are those above */
	enum report_change change;
	bool login_changed;
};

TAILQ_HEAD(report_list, report);

struct reports {
	struct daemon *daemon;
	struct report_list list;
	unsigned int n;
	sd_event_source *flush_now, *flush_later;
};

static void report_free(struct report *report)
{
	free(report->user);
	free(report->step);
	free(report->error);
	free(report->fingerprint);
	free(report);
}

static void report_freep(struct report **report)
{
	if (*report)
		report_free(*report);
}

static int copy_text(char **ret_copy, const char *text)
{
	*ret_copy = text ? strdup(text) : NULL;
	return text && !*ret_copy ? -ENOMEM : 0;
}

int reports_add(struct reports *reports, const struct reports_item *item)
{
	DV_CLEANUP(report_freep) struct report *report = NULL;

	if (reports->n >= REPORTS_MAX)
		return -ENOSPC;
	report = calloc(1, sizeof(*report));
	if (!report || copy_text(&report->user, item->user) < 0 ||
	    copy_text(&report->step, item->step) < 0 ||
	    copy_text(&report->error, item->error) < 0 ||
	    copy_text(&report->fingerprint, item->fingerprint) < 0)
		return -ENOMEM;
	report->item = *item;
	report->item.user = report->user;
	report->item.step = report->step;
	report->item.error = report->error;
	report->item.fingerprint = report->fingerprint;
	TAILQ_INSERT_TAIL(&reports->list, report, in_list);
	report = NULL; /* the list's */
	reports->n++;
	/* Fails for a source that is gone, and it lives as long as `reports`. */
	if (sd_event_source_get_enabled(reports->flush_later, NULL) == 0)
		(void)sd_event_source_set_enabled(reports->flush_now, SD_EVENT_ONESHOT);
	return 0;
}

bool reports_wait(const struct reports *reports, const char *user)
{
	const struct report *report;

	TAILQ_FOREACH(report, &reports->list, in_list)
	{
		if (strcmp(report->user, user) == 0)
			return true;
	}
	return false;
}

static enum report_change find_change(const struct steps_log *log, const struct reports_item *item)
{
	if (item->status == STEPS_LOG_FAILED)
		return REPORT_FAILED;
	for (size_t i = 0; i < log->n_rows; i++) {
		if (strcmp(log->rows[i].step, item->step) == 0 &&
		    log->rows[i].status == STEPS_LOG_FAILED)
			return REPORT_RECOVERED;
	}
	return REPORT_SAME;
}

/* A person whose home says something new about their claude login. */
static int write_login(struct ledger *ledger, const struct people_row *person,
		       struct report *report, struct dv_error *err)
{
	report->login_changed =
		report->item.login != PEOPLE_LOGIN_UNKNOWN && person->login != report->item.login;
	return report->login_changed
		       ? people_set_login(ledger, report->user, report->item.login, err)
		       : 0;
}

static int write_result(struct daemon *daemon, struct ledger *ledger, struct report *report,
			struct dv_error *err)
{
	DV_AUTO_STEPS_LOG struct steps_log log = { 0 };
	const struct steps_log_result result = {
		.name = report->user,
		.step = report->step,
		.status = report->item.status,
		.error = report->error,
		.fingerprint = report->fingerprint,
		.generation = report->item.generation,
		.now_usec = daemon_now_usec(daemon),
	};
	bool failed = report->item.status == STEPS_LOG_FAILED;
	int r = steps_log_list(ledger, report->user, &log, err);

	if (r < 0)
		return r;
	report->change = find_change(&log, &report->item);
	r = steps_log_put(ledger, &result, err);
	if (r == 0 && report->change != REPORT_SAME)
		r = events_add(ledger, result.now_usec, failed ? LOG_WARNING : LOG_NOTICE,
			       report->user, report->step,
			       failed && report->error ? report->error
			       : failed		       ? "failed"
						       : "works again",
			       err);
	return r;
}

/* Whoever was changed while the report waited is not whom it is about: by then the name may be somebody
 * else's. It is dropped, as it would be refused now. */
static int write_report(struct daemon *daemon, struct ledger *ledger, struct report *report,
			struct dv_error *err)
{
	DV_AUTO_PEOPLE_ROW struct people_row person = { 0 };
	int r = people_get(ledger, report->user, &person, err);

	report->change = REPORT_SAME;
	report->login_changed = false;
	if (r == -ENOENT || (r == 0 && person.generation != report->item.generation))
		return 0;
	if (r == 0)
		r = write_result(daemon, ledger, report, err);
	return r < 0 ? r : write_login(ledger, &person, report, err);
}

static int write_all(struct reports *reports, struct dv_error *err)
{
	struct daemon *daemon = reports->daemon;
	struct ledger *ledger;
	struct report *report;
	int r = store_get(&daemon->store, &ledger, err);

	if (r < 0)
		return r;
	r = ledger_begin_results(ledger, err);
	TAILQ_FOREACH(report, &reports->list, in_list)
	{
		if (r == 0)
			r = write_report(daemon, ledger, report, err);
	}
	if (r == 0)
		r = ledger_commit(ledger, err);
	if (r < 0)
		ledger_rollback(ledger);
	return store_note(&daemon->store, r, err);
}

static void tell(struct daemon *daemon, const struct report *report)
{
	const struct log_fields fields = { .user = report->user, .step = report->step };

	switch (report->change) {
	case REPORT_SAME:
		break;
	case REPORT_FAILED:
		log_write(LOG_WARNING, &fields, "%s: %s failed: %s", report->user, report->step,
			  report->error ? report->error : "no reason given");
		break;
	case REPORT_RECOVERED:
		log_write(LOG_NOTICE, &fields, "%s: %s works again", report->user, report->step);
		break;
	}
	if (report->login_changed) {
		(void)queue_request_reconcile(daemon->queue, report->user); /* nobody waits */
		daemon_wake_queue(daemon);
	}
	server_kick(daemon->server, report->user);
}

/* Out of the list first: what follows from one report may bring the next. */
static void tell_all(struct reports *reports, bool written)
{
	struct report_list list = TAILQ_HEAD_INITIALIZER(list);
	struct report *report;

	TAILQ_CONCAT(&list, &reports->list, in_list);
	reports->n = 0;
	while ((report = TAILQ_FIRST(&list))) {
		TAILQ_REMOVE(&list, report, in_list);
		if (written)
			tell(reports->daemon, report);
		report_free(report);
	}
}

bool reports_flush(struct reports *reports)
{
	struct dv_error err = { "" };
	int r;

	if (reports->n == 0)
		return true;
	r = write_all(reports, &err);
	if (r == -EBUSY) {
		(void)sd_event_source_set_time_relative(reports->flush_later, REPORTS_RETRY_USEC);
		(void)sd_event_source_set_enabled(reports->flush_later, SD_EVENT_ONESHOT);
		return false;
	}
	/* Their people stay due, so the next job reports again. */
	if (r < 0)
		log_error("%u step results are lost: %s", reports->n, err.text);
	tell_all(reports, r == 0);
	return true;
}

static int on_flush_now(sd_event_source *source DV_UNUSED, void *context)
{
	(void)reports_flush(context); /* false has armed the timer */
	return 0;
}

static int on_flush_later(sd_event_source *source DV_UNUSED, uint64_t usec DV_UNUSED, void *context)
{
	(void)reports_flush(context); /* false has armed the timer again */
	return 0;
}

static void reports_freep(struct reports **reports)
{
	reports_free(*reports);
}

int reports_new(struct reports **ret_reports, struct daemon *daemon, struct dv_error *err)
{
	DV_CLEANUP(reports_freep) struct reports *reports = calloc(1, sizeof(*reports));
	int r;

	if (!reports)
		return dv_fail(err, -ENOMEM, "set up the reports");
	TAILQ_INIT(&reports->list);
	reports->daemon = daemon;
	r = sd_event_add_defer(daemon->event, &reports->flush_now, on_flush_now, reports);
	if (r >= 0)
		r = sd_event_source_set_enabled(reports->flush_now, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_time_relative(daemon->event, &reports->flush_later,
					       CLOCK_MONOTONIC, REPORTS_RETRY_USEC, 1000,
					       on_flush_later, reports);
	if (r >= 0)
		r = sd_event_source_set_enabled(reports->flush_later, SD_EVENT_OFF);
	if (r < 0)
		return dv_fail(err, r, "set up the reports");
	*ret_reports = DV_TAKE_PTR(reports);
	return 0;
}

void reports_free(struct reports *reports)
{
	struct report *report;

	if (!reports)
		return;
	while ((report = TAILQ_FIRST(&reports->list))) {
		TAILQ_REMOVE(&reports->list, report, in_list);
		report_free(report);
	}
	sd_event_source_disable_unref(reports->flush_now);
	sd_event_source_disable_unref(reports->flush_later);
	free(reports);
}
