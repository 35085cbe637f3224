/* instances.c - see instances.h.
 *
 * Whether it runs is asked of its cgroup, so a login of somebody whose t3 is up costs systemd
 * nothing. One that is just being stopped has a cgroup, too: what seemed to run is looked at
 * once more a moment later, and started if it is gone. systemd says that a start is done when
 * the program runs, not when it answers; the place in line is kept for a moment longer, in which
 * it does its work. A start that lasts waits for a first copy of its database (devvm-backup-first@, up to
 * backup.deadline), at the lowest priority: it goes on, and the next one gets its place.
 */
#include "daemon/instances.h"

#include <fcntl.h>
#include <string.h>
#include <sys/queue.h>

#include "base/log.h"
#include "ledger/people.h"
#include "steps/hold.h"
#include "units/cgroup.h"

#define UNIT_PREFIX "t3-serve@"
#define UNIT_SUFFIX ".service"
#define UNIT_BYTES (sizeof(UNIT_PREFIX) + sizeof(UNIT_SUFFIX) + STR_USER_NAME_MAX)
#define PATH_BYTES (32 + STR_USER_NAME_MAX)
#define TERMINAL_BYTES (sizeof("ttyd@.socket") + STR_USER_NAME_MAX)
#define SETTLE_USEC (2 * 1000000ULL)
/* The program runs in far less, or waits for something that costs no CPU worth a place. */
#define WAIT_USEC (10 * 1000000ULL)
/* Longer than a t3 takes to end (0.2 to 1.8 s). */
#define SECOND_LOOK_USEC (5 * 1000000ULL)

struct instance {
	TAILQ_ENTRY(instance) in_list;
	struct instances *instances;
	char user[STR_USER_NAME_MAX + 1];
	sd_event_source
		*leave; /* the end of its place in line; for one that was seen, the second look */
	bool starting;	/* systemd has yet to say how its start ended */
	bool has_place; /* of the INSTANCES_AT_ONCE */
};

TAILQ_HEAD(instance_list, instance);

struct instances {
	struct daemon *daemon;
	struct instance_list queued, running;
	struct instance_list seen; /* to be looked at once more */
	unsigned int n_queued, n_running, n_seen;
	sd_event_source *next; /* starts what may start, when the loop turns */
	bool told_full;
};

static struct instance *find(struct instance_list *list, const char *user)
{
	struct instance *instance;

	TAILQ_FOREACH(instance, list, in_list)
	{
		if (strcmp(instance->user, user) == 0)
			return instance;
	}
	return NULL;
}

static bool exists(const struct daemon *daemon, const char *folder, const char *user)
{
	char path[PATH_BYTES];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, user);
	return faccessat(daemon->env->root_dirfd, path, F_OK, 0) == 0;
}

static bool runs(const struct daemon *daemon, const char *unit)
{
	DV_AUTO_CLOSE int fd = cgroup_open(daemon->env, unit, NULL);

	return fd >= 0; /* what cannot be seen is started, which changes nothing for what runs */
}

/* Nothing runs for who is on hold, parked, gone or yet without an account. */
static bool is_at_work(struct daemon *daemon, const char *user)
{
	DV_AUTO_PEOPLE_ROW struct people_row person = { 0 };
	struct dv_error err = { "" };
	struct ledger *ledger;
	int r;

	if (hold_is_set(daemon->env, user))
		return false;
	r = store_get(&daemon->store, &ledger, &err);
	if (r == 0)
		r = people_get(ledger, user, &person, &err);
	if (store_note(&daemon->store, r, &err) < 0)
		return false; /* the next login asks again */
	return person.state == PEOPLE_PRESENT && person.uid != PEOPLE_NO_UID && !person.parked;
}

static bool may_run(struct daemon *daemon, const char *user)
{
	return (exists(daemon, "opt/devvm/t3/people", user) ||
		exists(daemon, "opt/devvm/t3", "current")) &&
	       is_at_work(daemon, user);
}

static void unit_of(const char *user, char ret_unit[static UNIT_BYTES])
{
	(void)snprintf(ret_unit, UNIT_BYTES, UNIT_PREFIX "%s" UNIT_SUFFIX, user);
}

static void wake(const struct instances *instances)
{
	/* Fails for a source that is gone, and it lives as long as the daemon. */
	(void)sd_event_source_set_enabled(instances->next, SD_EVENT_ONESHOT);
}

static void give_place_up(struct instance *instance)
{
	if (!instance->has_place)
		return;
	instance->has_place = false;
	instance->instances->n_running--;
	wake(instance->instances);
}

static void leave(struct instance *instance)
{
	give_place_up(instance);
	TAILQ_REMOVE(&instance->instances->running, instance, in_list);
	sd_event_source_disable_unref(instance->leave);
	free(instance);
}

/* NULL when memory is short: the next login asks again. */
static struct instance *instance_new(struct instances *instances, const char *user)
{
	struct instance *instance = calloc(1, sizeof(*instance));

	if (instance) {
		instance->instances = instances;
		(void)snprintf(instance->user, sizeof(instance->user), "%s", user);
	}
	return instance;
}

static void put_in_line(struct instances *instances, const char *user)
{
	struct instance *instance;

	if (instances->n_queued >= INSTANCES_MAX_QUEUED) {
		if (!instances->told_full)
			log_warning("%d people wait for their t3 to start; more are started at "
				    "their next login",
				    INSTANCES_MAX_QUEUED);
		instances->told_full = true;
		return;
	}
	instance = instance_new(instances, user);
	if (!instance)
		return;
	TAILQ_INSERT_TAIL(&instances->queued, instance, in_list);
	instances->n_queued++;
	wake(instances);
}

/* Start it unless it runs, is being started, or must not. */
static bool start_if_down(struct instances *instances, const char *user)
{
	struct instance *started = find(&instances->running, user);
	char unit[UNIT_BYTES];

	unit_of(user, unit);
	if (find(&instances->queued, user) || (started && started->starting))
		return true;
	if (runs(instances->daemon, unit))
		return false;
	if (!may_run(instances->daemon, user))
		return true;
	if (started)
		leave(started); /* it has been stopped since */
	put_in_line(instances, user);
	return true;
}

static void forget_seen(struct instance *instance)
{
	struct instances *instances = instance->instances;

	TAILQ_REMOVE(&instances->seen, instance, in_list);
	instances->n_seen--;
	sd_event_source_disable_unref(instance->leave);
	free(instance);
}

static int on_second_look(sd_event_source *source DV_UNUSED, uint64_t usec DV_UNUSED, void *context)
{
	struct instance *instance = context;

	(void)start_if_down(instance->instances, instance->user); /* else it does run */
	forget_seen(instance);
	return 0;
}

static void look_again(struct instances *instances, const char *user)
{
	struct instance *instance;

	if (find(&instances->seen, user) || instances->n_seen >= INSTANCES_MAX_QUEUED)
		return;
	instance = instance_new(instances, user);
	if (!instance)
		return;
	TAILQ_INSERT_TAIL(&instances->seen, instance, in_list);
	instances->n_seen++;
	if (sd_event_add_time_relative(instances->daemon->event, &instance->leave, CLOCK_MONOTONIC,
				       SECOND_LOOK_USEC, 0, on_second_look, instance) < 0)
		forget_seen(instance);
}

void instances_want(struct instances *instances, const char *user, enum instances_reason reason)
{
	if (reason == INSTANCES_LOGIN &&
	    instances->daemon->config.instances_start == CONFIG_START_VISIT)
		return;
	if (!start_if_down(instances, user))
		look_again(instances, user);
}

static void on_terminal(void *context DV_UNUSED, const char *unit, enum units_result result,
			const char *text)
{
	if (result == UNITS_FAILED)
		log_warning("start %s: %s; see journalctl -u %s", unit, text, unit);
}

void instances_open_terminal(struct instances *instances, const char *user)
{
	struct daemon *daemon = instances->daemon;
	struct dv_error err = { "" };
	char unit[TERMINAL_BYTES];

	if (!is_at_work(daemon, user))
		return;
	(void)snprintf(unit, sizeof(unit), "ttyd@%s.socket", user);
	if (units_start(daemon->units, unit, on_terminal, NULL, &err) < 0)
		log_warning("%s", err.text);
}

static int on_leave(sd_event_source *source DV_UNUSED, uint64_t usec DV_UNUSED, void *context)
{
	struct instance *instance = context;

	if (instance->starting)
		give_place_up(instance);
	else
		leave(instance);
	return 0;
}

/* From now on, in place of what was set before. */
static int leave_after(struct instance *instance, uint64_t usec)
{
	instance->leave = sd_event_source_disable_unref(instance->leave);
	return sd_event_add_time_relative(instance->instances->daemon->event, &instance->leave,
					  CLOCK_MONOTONIC, usec, 0, on_leave, instance);
}

static void on_end(void *context, const char *unit, enum units_result result, const char *text)
{
	struct instances *instances = context;
	struct instance *instance = NULL;
	char user[STR_USER_NAME_MAX + 1];
	struct log_fields fields = { .user = user };

	(void)snprintf(user, sizeof(user), "%.*s",
		       (int)(strlen(unit) - strlen(UNIT_PREFIX) - strlen(UNIT_SUFFIX)),
		       unit + strlen(UNIT_PREFIX));
	instance = find(&instances->running, user);
	if (result == UNITS_FAILED)
		log_write(LOG_WARNING, &fields, "start %s: %s; see journalctl -u %s", unit, text,
			  unit);
	if (!instance || !instance->starting)
		return;
	instance->starting = false;
	if (result == UNITS_FAILED || leave_after(instance, SETTLE_USEC) < 0)
		leave(instance);
}

static int on_next(sd_event_source *source DV_UNUSED, void *context)
{
	struct instances *instances = context;
	struct instance *instance;

	while (instances->n_running < INSTANCES_AT_ONCE &&
	       (instance = TAILQ_FIRST(&instances->queued))) {
		struct dv_error err = { "" };
		char unit[UNIT_BYTES];

		TAILQ_REMOVE(&instances->queued, instance, in_list);
		instances->n_queued--;
		instances->told_full = false;
		unit_of(instance->user, unit);
		/* They may have been parked while they stood in line. */
		if (!may_run(instances->daemon, instance->user)) {
			free(instance);
			continue;
		}
		TAILQ_INSERT_TAIL(&instances->running, instance, in_list);
		instances->n_running++;
		instance->has_place = instance->starting = true;
		if (units_start(instances->daemon->units, unit, on_end, instances, &err) < 0) {
			log_warning("%s", err.text);
			leave(instance);
		} else if (leave_after(instance, WAIT_USEC) < 0) {
			log_warning("%s keeps its place in line until it has started", unit);
		}
	}
	return 0;
}

static void instances_freep(struct instances **instances)
{
	instances_free(*instances);
}

int instances_new(struct instances **ret_instances, struct daemon *daemon, struct dv_error *err)
{
	DV_CLEANUP(instances_freep) struct instances *instances = calloc(1, sizeof(*instances));
	int r;

	if (!instances)
		return dv_fail(err, -ENOMEM, "set up the instances");
	instances->daemon = daemon;
	TAILQ_INIT(&instances->queued);
	TAILQ_INIT(&instances->running);
	TAILQ_INIT(&instances->seen);
	r = sd_event_add_defer(daemon->event, &instances->next, on_next, instances);
	if (r >= 0)
		r = sd_event_source_set_priority(instances->next, DAEMON_PRIORITY_IDLE);
	if (r >= 0)
		r = sd_event_source_set_enabled(instances->next, SD_EVENT_OFF);
	if (r < 0)
		return dv_fail(err, r, "set up the instances");
	*ret_instances = DV_TAKE_PTR(instances);
	return 0;
}

static void free_list(struct instance_list *list)
{
	for (struct instance *instance; (instance = TAILQ_FIRST(list));) {
		TAILQ_REMOVE(list, instance, in_list);
		sd_event_source_disable_unref(instance->leave);
		free(instance);
	}
}

/* After units_free(): nothing calls back any more. */
void instances_free(struct instances *instances)
{
	if (!instances)
		return;
	free_list(&instances->queued);
	free_list(&instances->running);
	free_list(&instances->seen);
	sd_event_source_disable_unref(instances->next);
	free(instances);
}
