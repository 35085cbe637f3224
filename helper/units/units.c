/* units.c - see units.h.
 *
 * One connection to the system bus, opened when it is first needed. Each started unit is
 * a `struct unit_job` from the call until systemd has removed its job, or until the
 * connection is lost, or until UNITS_JOB_MAX_MS: it ends exactly once, always out of the
 * event loop. JobRemoved may overtake the reply that names the job, so its result is kept
 * with the job until the reply says whether it was meant.
 */
#include "units/units.h"

#include <string.h>
#include <sys/queue.h>
#include <systemd/sd-bus.h>

#include "base/clock.h"

/* PID 1 answers late when hundreds of units start at once. */
#define UNITS_REPLY_MAX_USEC (60 * 1000000ULL)
#define UNITS_CHECK_EVERY_USEC (60 * 1000000ULL)

#define DESTINATION "org.freedesktop.systemd1"
#define MANAGER_PATH "/org/freedesktop/systemd1"
#define MANAGER "org.freedesktop.systemd1.Manager"

struct unit_job {
	TAILQ_ENTRY(unit_job) in_list;
	struct units *units;
	char *unit;
	units_on_end on_end;
	void *context;
	int64_t deadline_ms;
	sd_bus_slot *call;
	char *path;	  /* of systemd's job; NULL until the reply */
	char *early_path; /* of a JobRemoved that came before the reply */
	char *early_result;
};

TAILQ_HEAD(unit_job_list, unit_job);

struct units {
	sd_event *event;
	sd_bus *bus; /* NULL while there is no connection */
	sd_event_source *check;
	struct unit_job_list jobs; /* oldest first */
};

static void job_free(struct unit_job *job)
{
	sd_bus_slot_unref(job->call);
	free(job->unit);
	free(job->path);
	free(job->early_path);
	free(job->early_result);
	free(job);
}

static void job_freep(struct unit_job **job)
{
	if (*job)
		job_free(*job);
}

/* Takes the job out first: `on_end` may start the next one. */
static void job_end(struct unit_job *job, enum units_result result, const char *text)
{
	TAILQ_REMOVE(&job->units->jobs, job, in_list);
	job->on_end(job->context, job->unit, result, text);
	job_free(job);
}

static void job_end_with(struct unit_job *job, const char *systemd_result)
{
	enum units_result result = strcmp(systemd_result, "done") == 0 ? UNITS_DONE : UNITS_FAILED;

	job_end(job, result, systemd_result);
}

static void drop_bus(struct units *units, const char *why)
{
	sd_bus *bus = DV_TAKE_PTR(units->bus);
	struct unit_job_list lost = TAILQ_HEAD_INITIALIZER(lost);

	/* The list is emptied at once: what `on_end` starts belongs to the next connection. */
	TAILQ_CONCAT(&lost, &units->jobs, in_list);
	for (struct unit_job *job; (job = TAILQ_FIRST(&lost));) {
		TAILQ_REMOVE(&lost, job, in_list);
		job->on_end(job->context, job->unit, UNITS_FAILED, why);
		job_free(job);
	}
	(void)sd_bus_detach_event(bus);
	sd_bus_close_unref(bus);
}

static int on_disconnected(sd_bus_message *message DV_UNUSED, void *context,
			   sd_bus_error *error DV_UNUSED)
{
	drop_bus(context, "the connection to the system bus was lost");
	return 0;
}

static int on_job_removed(sd_bus_message *message, void *context, sd_bus_error *error DV_UNUSED)
{
	struct units *units = context;
	const char *path, *unit, *result;
	struct unit_job *job, *next;
	uint32_t id;

	if (sd_bus_message_read(message, "uoss", &id, &path, &unit, &result) < 0)
		return 0; /* not the signal we know: jobs then end by their deadline */
	for (job = TAILQ_FIRST(&units->jobs); job; job = next) {
		next = TAILQ_NEXT(job, in_list);
		if (job->path && strcmp(job->path, path) == 0) {
			/* `on_end` may add jobs, at the end, and removes none. */
			job_end_with(job, result);
		} else if (!job->path && strcmp(job->unit, unit) == 0) {
			free(job->early_path);
			free(job->early_result);
			job->early_path = strdup(path);
			job->early_result = strdup(result);
		}
	}
	return 0;
}

static int on_started(sd_bus_message *message, void *context, sd_bus_error *error DV_UNUSED)
{
	struct unit_job *job = context;
	const sd_bus_error *refusal = sd_bus_message_get_error(message);
	const char *path;
	int r;

	job->call = sd_bus_slot_unref(job->call);
	if (refusal) {
		job_end(job, UNITS_FAILED, refusal->message ? refusal->message : refusal->name);
		return 0;
	}
	r = sd_bus_message_read(message, "o", &path);
	if (r < 0) {
		job_end(job, UNITS_FAILED, "systemd's answer to StartUnit makes no sense");
		return 0;
	}
	job->path = strdup(path);
	if (!job->path)
		job_end(job, UNITS_FAILED, "out of memory");
	else if (job->early_path && job->early_result && strcmp(job->early_path, path) == 0)
		job_end_with(job, job->early_result);
	return 0;
}

static void check_within(struct units *units, uint64_t usec)
{
	/* These fail for a source that is gone, and it lives as long as `units`. */
	(void)sd_event_source_set_time_relative(units->check, usec);
	(void)sd_event_source_set_enabled(units->check, SD_EVENT_ONESHOT);
}

static int on_check(sd_event_source *source DV_UNUSED, uint64_t usec DV_UNUSED, void *context)
{
	struct units *units = context;
	struct unit_job *job;

	if (units->bus && sd_bus_is_open(units->bus) <= 0)
		drop_bus(units, "the connection to the system bus was lost");
	while ((job = TAILQ_FIRST(&units->jobs)) && clock_left_ms(job->deadline_ms) == 0)
		job_end(job, UNITS_FAILED, "systemd never said how its job ended");
	if (!TAILQ_EMPTY(&units->jobs))
		check_within(units, UNITS_CHECK_EVERY_USEC);
	return 0;
}

static void close_busp(sd_bus **bus)
{
	if (*bus)
		(void)sd_bus_detach_event(*bus);
	sd_bus_close_unref(*bus);
}

/* Everything after connect(2) to the bus's socket, which is local, is queued by sd-bus
 * and sent out of the event loop. */
static int connect_bus(struct units *units, struct dv_error *err)
{
	DV_CLEANUP(close_busp) sd_bus *bus = NULL;
	int r = sd_bus_open_system(&bus);

	if (r < 0)
		return dv_refuse(err, -ENOTCONN, "connect to the system bus: %s", strerror(-r));
	r = sd_bus_attach_event(bus, units->event, SD_EVENT_PRIORITY_NORMAL);
	if (r >= 0)
		r = sd_bus_set_method_call_timeout(bus, UNITS_REPLY_MAX_USEC);
	if (r >= 0)
		r = sd_bus_match_signal_async(bus, NULL, "org.freedesktop.DBus.Local",
					      "/org/freedesktop/DBus/Local",
					      "org.freedesktop.DBus.Local", "Disconnected",
					      on_disconnected, NULL, units);
	if (r >= 0)
		r = sd_bus_match_signal_async(bus, NULL, DESTINATION, MANAGER_PATH, MANAGER,
					      "JobRemoved", on_job_removed, NULL, units);
	/* systemd sends job signals only while somebody is subscribed (org.freedesktop.systemd1). */
	if (r >= 0)
		r = sd_bus_call_method_async(bus, NULL, DESTINATION, MANAGER_PATH, MANAGER,
					     "Subscribe", NULL, NULL, NULL);
	if (r < 0)
		return dv_refuse(err, -ENOTCONN, "use the system bus: %s", strerror(-r));
	units->bus = DV_TAKE_PTR(bus);
	return 0;
}

int units_start(struct units *units, const char *unit, units_on_end on_end, void *context,
		struct dv_error *err)
{
	DV_CLEANUP(job_freep) struct unit_job *job = calloc(1, sizeof(*job));
	int r;

	if (!job)
		return dv_fail(err, -ENOMEM, "start %s", unit);
	*job = (struct unit_job){
		.units = units,
		.unit = strdup(unit),
		.on_end = on_end,
		.context = context,
		.deadline_ms = clock_deadline_ms(UNITS_JOB_MAX_MS),
	};
	if (!job->unit)
		return dv_fail(err, -ENOMEM, "start %s", unit);
	if (!units->bus) {
		r = connect_bus(units, err);
		if (r < 0)
			return dv_prefix(err, r, "start %s", unit);
	}
	r = sd_bus_call_method_async(units->bus, &job->call, DESTINATION, MANAGER_PATH, MANAGER,
				     "StartUnit", on_started, job, "ss", unit, "replace");
	if (r < 0) {
		/* Others may have to be told of a lost bus: from the loop, not from in here. */
		check_within(units, 0);
		return dv_refuse(err, -ENOTCONN, "start %s: %s", unit, strerror(-r));
	}
	if (TAILQ_EMPTY(&units->jobs))
		check_within(units, UNITS_CHECK_EVERY_USEC);
	TAILQ_INSERT_TAIL(&units->jobs, job, in_list);
	job = NULL; /* the list's */
	return 0;
}

static void units_freep(struct units **units)
{
	units_free(*units);
}

int units_new(struct units **ret_units, sd_event *event, struct dv_error *err)
{
	DV_CLEANUP(units_freep) struct units *units = calloc(1, sizeof(*units));
	int r;

	if (!units)
		return dv_fail(err, -ENOMEM, "set up the bus");
	TAILQ_INIT(&units->jobs);
	units->event = event;
	r = sd_event_add_time_relative(event, &units->check, CLOCK_MONOTONIC,
				       UNITS_CHECK_EVERY_USEC, 1000000, on_check, units);
	if (r >= 0)
		r = sd_event_source_set_enabled(units->check, SD_EVENT_OFF);
	if (r < 0)
		return dv_fail(err, r, "set up the bus");
	*ret_units = DV_TAKE_PTR(units);
	return 0;
}

/* Jobs go on without us; nobody is told. */
void units_free(struct units *units)
{
	if (!units)
		return;
	for (struct unit_job *job; (job = TAILQ_FIRST(&units->jobs));) {
		TAILQ_REMOVE(&units->jobs, job, in_list);
		job_free(job);
	}
	close_busp(&units->bus);
	sd_event_source_disable_unref(units->check);
	free(units);
}
