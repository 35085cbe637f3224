/* manager.c - see manager.h.
 *
 * Starts go out MANAGER_CHUNK at a time, one call after another, and their jobs are waited
 * for together: JobRemoved signals that come while a call waits for its reply are queued by
 * sd-bus and seen afterwards. One deadline holds for a chunk.
 */
#include "units/manager.h"

#include <poll.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "base/clock.h"

#define MANAGER_CHUNK 100
/* A reload with 10,000 sockets takes 20 s on a slow machine. */
#define REPLY_MAX_USEC (180 * 1000000ULL)
#define CHUNK_MAX_MS 120000
/* dbus-daemon gives one uid 256 connections (max_connections_per_user). In a storm of logins all of root's may be
 * taken; who has them lets go within seconds. */
#define FULL_MAX_MS 30000
#define FULL_EVERY_MS 200

#define DESTINATION "org.freedesktop.systemd1"
#define MANAGER_PATH "/org/freedesktop/systemd1"
#define MANAGER "org.freedesktop.systemd1.Manager"

struct pending_job {
	char path[128]; /* "" once it has ended */
	const char *unit;
};

struct manager {
	sd_bus *bus;
	struct pending_job jobs[MANAGER_CHUNK];
	size_t n_jobs, n_left;
	const char *word; /* what they do */
	int failure;
	struct dv_error why; /* of the first that failed */
};

static const struct {
	const char *method;
	const char *word;
	bool wait;
} VERBS[] = {
	[MANAGER_START] = { "StartUnit", "start", true },
	[MANAGER_QUEUE] = { "StartUnit", "start", false },
	[MANAGER_STOP] = { "StopUnit", "stop", false },
	[MANAGER_STOP_WAIT] = { "StopUnit", "stop", true },
	[MANAGER_RELOAD_OR_RESTART] = { "ReloadOrRestartUnit", "reload", true },
};

void manager_close(struct manager *manager)
{
	if (!manager)
		return;
	sd_bus_flush_close_unref(manager->bus);
	free(manager);
}

void manager_closep(struct manager **manager)
{
	manager_close(*manager);
	*manager = NULL;
}

static void note_failure(struct manager *manager, int r, const char *word, const char *unit,
			 const char *text)
{
	if (manager->failure < 0)
		return;
	manager->failure = r;
	(void)dv_refuse(&manager->why, r, "%s %s: %s; see journalctl -u %s", word, unit, text,
			unit);
}

static int on_job_removed(sd_bus_message *message, void *context, sd_bus_error *error DV_UNUSED)
{
	struct manager *manager = context;
	const char *path, *unit, *result;
	uint32_t id;

	if (sd_bus_message_read(message, "uoss", &id, &path, &unit, &result) < 0)
		return 0; /* not the signal we know: the chunk ends by its deadline */
	for (size_t i = 0; i < manager->n_jobs; i++) {
		struct pending_job *job = &manager->jobs[i];

		if (strcmp(job->path, path) != 0)
			continue;
		*job->path = '\0';
		manager->n_left--;
		if (strcmp(result, "done") != 0 && strcmp(result, "skipped") != 0)
			note_failure(manager, -EIO, manager->word, job->unit, result);
	}
	return 0;
}

/* Negative errno. sd_bus_open_system() only connects: that the bus is full is its answer to the first call. */
static int connect_bus(struct manager *manager)
{
	int r = sd_bus_open_system(&manager->bus);

	if (r >= 0)
		r = sd_bus_set_method_call_timeout(manager->bus, REPLY_MAX_USEC);
	if (r >= 0)
		r = sd_bus_match_signal(manager->bus, NULL, DESTINATION, MANAGER_PATH, MANAGER,
					"JobRemoved", on_job_removed, manager);
	/* systemd sends job signals only while somebody is subscribed (org.freedesktop.systemd1). */
	if (r >= 0)
		r = sd_bus_call_method(manager->bus, DESTINATION, MANAGER_PATH, MANAGER,
				       "Subscribe", NULL, NULL, NULL);
	if (r < 0)
		manager->bus = sd_bus_close_unref(manager->bus);
	return r;
}

/* org.freedesktop.DBus.Error.LimitsExceeded is ENOBUFS to sd-bus. */
static bool is_full(int r)
{
	return r == -ENOBUFS;
}

int manager_open(struct manager **ret_manager, struct dv_error *err)
{
	DV_AUTO_MANAGER struct manager *manager = calloc(1, sizeof(*manager));
	int64_t deadline_ms = clock_deadline_ms(FULL_MAX_MS);
	int r;

	if (!manager)
		return dv_fail(err, -ENOMEM, "connect to the system bus");
	r = connect_bus(manager);
	while (is_full(r) && clock_left_ms(deadline_ms) > 0) {
		(void)poll(NULL, 0, FULL_EVERY_MS);
		r = connect_bus(manager);
	}
	if (is_full(r))
		return dv_refuse(err, -ENOTCONN,
				 "connect to the system bus: it has no connection left for root, "
				 "for %d s now; busctl list shows who has them",
				 FULL_MAX_MS / 1000);
	if (r < 0)
		return dv_refuse(err, -ENOTCONN, "connect to the system bus: %s", strerror(-r));
	*ret_manager = DV_TAKE_PTR(manager);
	return 0;
}

static void free_message(sd_bus_message **message)
{
	sd_bus_message_unref(*message);
}

static const char *words_of(const sd_bus_error *error, int r)
{
	return error->message ? error->message : strerror(-r);
}

/* One row of a(ssssssouso): name, description, load, active, sub, following, path, job. */
static int read_units(sd_bus_message *reply, manager_on_unit on_unit, void *context)
{
	const char *unit, *active;
	int r = sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");

	while (r > 0) {
		r = sd_bus_message_read(reply, "(ssssssouso)", &unit, NULL, NULL, &active, NULL,
					NULL, NULL, NULL, NULL, NULL);
		if (r <= 0)
			break;
		r = on_unit(context, unit, active);
		if (r < 0)
			break;
		r = 1;
	}
	return r;
}

int manager_list(struct manager *manager, const char *const *patterns, manager_on_unit on_unit,
		 void *context, struct dv_error *err)
{
	DV_CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	DV_CLEANUP(free_message) sd_bus_message *call = NULL;
	DV_CLEANUP(free_message) sd_bus_message *reply = NULL;
	int r = sd_bus_message_new_method_call(manager->bus, &call, DESTINATION, MANAGER_PATH,
					       MANAGER, "ListUnitsByPatterns");

	if (r >= 0)
		r = sd_bus_message_append_strv(call, NULL); /* of any state */
	if (r >= 0)
		r = sd_bus_message_append_strv(call, (char **)patterns);
	if (r >= 0)
		r = sd_bus_call(manager->bus, call, 0, &error, &reply);
	if (r < 0)
		return dv_refuse(err, -EIO, "list units: %s", words_of(&error, r));
	r = read_units(reply, on_unit, context);
	return r < 0 ? dv_fail(err, r, "list units") : 0;
}

int manager_reload(struct manager *manager, struct dv_error *err)
{
	DV_CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = sd_bus_call_method(manager->bus, DESTINATION, MANAGER_PATH, MANAGER, "Reload",
				   &error, NULL, NULL);

	return r < 0 ? dv_refuse(err, -EIO, "have systemd reload: %s", words_of(&error, r)) : 0;
}

static void send_one(struct manager *manager, enum manager_verb verb, const char *unit)
{
	DV_CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	DV_CLEANUP(free_message) sd_bus_message *reply = NULL;
	struct pending_job *job = &manager->jobs[manager->n_jobs];
	const char *path = NULL;
	int r = sd_bus_call_method(manager->bus, DESTINATION, MANAGER_PATH, MANAGER,
				   VERBS[verb].method, &error, &reply, "ss", unit, "replace");

	if (r >= 0)
		r = sd_bus_message_read(reply, "o", &path);
	if (r < 0) {
		note_failure(manager, -EIO, VERBS[verb].word, unit, words_of(&error, r));
		return;
	}
	if (!VERBS[verb].wait)
		return;
	(void)snprintf(job->path, sizeof(job->path), "%s", path);
	job->unit = unit;
	manager->n_jobs++;
	manager->n_left++;
}

static int wait_for_jobs(struct manager *manager, struct dv_error *err)
{
	int64_t deadline_ms = clock_deadline_ms(CHUNK_MAX_MS);

	while (manager->n_left > 0) {
		int r = sd_bus_process(manager->bus, NULL);

		if (r == 0 && clock_left_ms(deadline_ms) == 0)
			return dv_refuse(err, -ETIMEDOUT, "%zu units did not %s within %d s",
					 manager->n_left, manager->word, CHUNK_MAX_MS / 1000);
		if (r == 0)
			r = sd_bus_wait(manager->bus, (uint64_t)clock_left_ms(deadline_ms) * 1000);
		if (r < 0 && r != -EINTR)
			return dv_fail(err, r, "wait for systemd");
	}
	return 0;
}

int manager_act(struct manager *manager, enum manager_verb verb, const char *const *units,
		size_t n_units, struct dv_error *err)
{
	manager->failure = 0;
	manager->word = VERBS[verb].word;
	for (size_t at = 0; at < n_units;) {
		int r;

		manager->n_jobs = manager->n_left = 0;
		for (; at < n_units && manager->n_jobs < MANAGER_CHUNK; at++)
			send_one(manager, verb, units[at]);
		r = wait_for_jobs(manager, err);
		if (r < 0)
			return r;
	}
	return manager->failure < 0 ? dv_refuse(err, manager->failure, "%s", manager->why.text) : 0;
}

int manager_freeze(struct manager *manager, const char *unit, bool freeze, struct dv_error *err)
{
	DV_CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = sd_bus_call_method(manager->bus, DESTINATION, MANAGER_PATH, MANAGER,
				   freeze ? "FreezeUnit" : "ThawUnit", &error, NULL, "s", unit);

	return r < 0 ? dv_refuse(err, r == -EOPNOTSUPP ? r : -EIO, "%s %s: %s",
				 freeze ? "freeze" : "thaw", unit, words_of(&error, r))
		     : 0;
}

int manager_signal(struct manager *manager, const char *unit, int number, struct dv_error *err)
{
	DV_CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = sd_bus_call_method(manager->bus, DESTINATION, MANAGER_PATH, MANAGER, "KillUnit",
				   &error, NULL, "ssi", unit, "main", number);

	return r < 0 ? dv_refuse(err, -EIO, "signal %s: %s", unit, words_of(&error, r)) : 0;
}

int manager_active_since(struct manager *manager, const char *unit, int64_t *ret_usec,
			 struct dv_error *err)
{
	DV_CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	DV_AUTO_FREE char *path = NULL;
	uint64_t usec = 0;
	int r = sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &path);

	if (r >= 0)
		r = sd_bus_get_property_trivial(manager->bus, DESTINATION, path,
						"org.freedesktop.systemd1.Unit",
						"ActiveEnterTimestamp", &error, 't', &usec);
	if (r < 0)
		return dv_refuse(err, -EIO, "ask when %s started: %s", unit, words_of(&error, r));
	*ret_usec = (int64_t)usec;
	return 0;
}
