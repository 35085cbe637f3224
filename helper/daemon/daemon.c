/* daemon.c - see daemon.h. The wiring: what each part has to tell the others. */
#include "daemon/daemon.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/config_good.h"
#include "daemon/instances.h"
#include "daemon/mint.h"
#include "daemon/job_unit.h"
#include "daemon/knock.h"
#include "daemon/programs.h"
#include "daemon/reports.h"
#include "daemon/schedule.h"
#include "daemon/server.h"
#include "daemon/watch.h"
#include "ledger/events.h"
#include "ledger/people.h"
#include "steps/lock.h"
#include "steps/paths.h"
#include "wire/paths.h"

int64_t daemon_now_usec(const struct daemon *daemon)
{
	return daemon->env->wall_usec(daemon->env);
}

/* False when there is none. */
static bool stat_ticket(const struct daemon *daemon, const char *user, struct stat *ret_ticket)
{
	char path[sizeof(PATH_TICKETS) + 1 + STR_USER_NAME_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", PATH_BELOW_ROOT(PATH_TICKETS), user);
	return fstatat(daemon->env->root_dirfd, path, ret_ticket, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(ret_ticket->st_mode);
}

bool daemon_has_ticket(const struct daemon *daemon, const char *user)
{
	struct stat ticket;

	return stat_ticket(daemon, user, &ticket);
}

int64_t daemon_last_login_usec(const struct daemon *daemon, const char *user)
{
	struct stat ticket;

	return stat_ticket(daemon, user, &ticket) ? ticket.st_mtim.tv_sec * INT64_C(1000000) : 0;
}

void daemon_wake_queue(struct daemon *daemon)
{
	/* Fails for a source that is gone, and it lives as long as the daemon. */
	(void)sd_event_source_set_enabled(daemon->dispatch_now, SD_EVENT_ONESHOT);
}

int daemon_request_home(struct daemon *daemon, const char *user, enum queue_priority priority)
{
	int r = queue_request_home(daemon->queue, user, priority);

	if (r == -ENOSPC && !daemon->told_full)
		log_warning("%d home jobs are queued; more are dropped until there is room",
			    QUEUE_MAX_HOMES);
	daemon->told_full = r == -ENOSPC;
	daemon_wake_queue(daemon);
	return r;
}

static int on_dispatch(struct daemon *daemon)
{
	int64_t next_ms;

	queue_dispatch(daemon->queue, clock_now_ms());
	next_ms = queue_next_ms(daemon->queue);
	if (next_ms < 0)
		return sd_event_source_set_enabled(daemon->dispatch_later, SD_EVENT_OFF);
	(void)sd_event_source_set_time(daemon->dispatch_later, (uint64_t)next_ms * 1000);
	return sd_event_source_set_enabled(daemon->dispatch_later, SD_EVENT_ONESHOT);
}

static int on_dispatch_now(sd_event_source *source DV_UNUSED, void *context)
{
	return on_dispatch(context);
}

static int on_dispatch_later(sd_event_source *source DV_UNUSED, uint64_t usec DV_UNUSED,
			     void *context)
{
	return on_dispatch(context);
}

/* Somebody who left, or was never there, has no home to prepare. */
static int check_present(struct daemon *daemon, const char *user, struct dv_error *err)
{
	DV_AUTO_PEOPLE_ROW struct people_row person = { 0 };
	struct ledger *ledger;
	int r = store_get(&daemon->store, &ledger, err);

	if (r == 0)
		r = store_note(&daemon->store, people_get(ledger, user, &person, err), err);
	if (r == 0 && person.state != PEOPLE_PRESENT)
		r = dv_refuse(err, -ENOENT, "%s is not on the roster", user);
	return r;
}

/* The ledger's word on a roster or devvm.yaml that was refused; NULL for none. */
static char *read_refusal(struct daemon *daemon)
{
	struct ledger *ledger;
	char *refused = NULL;

	if (store_get(&daemon->store, &ledger, NULL) < 0 ||
	    ledger_get_meta(ledger, "roster-error", &refused, NULL) < 0 ||
	    (!refused && ledger_get_meta(ledger, "config-error", &refused, NULL) < 0))
		return NULL; /* the unit's result has to do */
	return refused;
}

static void on_unit_end(void *context, const char *unit, enum units_result result,
			const char *text);

/* systemd takes the start of a unit that is starting already for the same one, so what has ended may be a run of the
 * timer's that had passed what was asked for. A run says when it began by touching its lock. Once: a lock that
 * cannot be touched must not keep everybody waiting. */
static bool repeat_reconcile(struct daemon *daemon, const char *unit)
{
	struct dv_error err = { "" };
	struct stat lock;
	int64_t began_usec;

	if (daemon->reconcile_repeated ||
	    fstatat(daemon->env->root_dirfd, STEPS_LOCKS_FOLDER "/" LOCK_RECONCILE, &lock,
		    AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	began_usec = lock.st_mtim.tv_sec * INT64_C(1000000) + lock.st_mtim.tv_nsec / 1000;
	if (began_usec >= daemon->reconcile_asked_usec)
		return false;
	daemon->reconcile_repeated = true;
	if (units_start(daemon->units, unit, on_unit_end, daemon, &err) == 0)
		return true;
	log_warning("%s", err.text);
	return false;
}

static void on_unit_end(void *context, const char *unit, enum units_result result, const char *text)
{
	struct daemon *daemon = context;
	enum queue_outcome outcome = result == UNITS_DONE ? QUEUE_OK : QUEUE_BROKEN;
	DV_AUTO_FREE char *refused = NULL;
	char user[STR_USER_NAME_MAX + 1];
	char why[ERROR_MAX_BYTES];
	enum queue_kind kind;

	if (job_unit_parse(unit, &kind, user) < 0)
		return;
	/* What the job reported comes before its end. */
	(void)reports_flush(daemon->reports); /* false has armed its timer */
	if (kind == QUEUE_RECONCILE && outcome == QUEUE_OK && repeat_reconcile(daemon, unit))
		return;
	(void)snprintf(why, sizeof(why), "%s: %s; see journalctl -u %s", unit, text, unit);
	if (kind == QUEUE_RECONCILE)
		refused = read_refusal(daemon);
	if (refused || (kind != QUEUE_RECONCILE && outcome == QUEUE_BROKEN))
		outcome = QUEUE_FAILED;
	queue_end(daemon->queue, kind, user, outcome, refused ? refused : why, clock_now_ms());
	daemon_wake_queue(daemon);
}

static int start_job(void *context, const struct queue_job *job, struct dv_error *err)
{
	struct daemon *daemon = context;
	char unit[JOB_UNIT_MAX];
	int r = job->kind == QUEUE_HOME ? check_present(daemon, job->user, err) : 0;

	if (r < 0)
		return r;
	job_unit_name(job, unit);
	if (job->kind == QUEUE_RECONCILE) {
		daemon->reconcile_asked_usec = daemon_now_usec(daemon);
		daemon->reconcile_repeated = false;
	}
	return units_start(daemon->units, unit, on_unit_end, daemon, err);
}

static void tell_failure(struct daemon *daemon, const struct queue_job *job, const char *text)
{
	const struct log_fields fields = { .user = *job->user ? job->user : NULL };
	struct dv_error err = { "" };
	struct ledger *ledger;

	log_write(LOG_WARNING, &fields, "%s", text);
	if (job->kind == QUEUE_PLAN)
		return; /* who asked for it is told, and a plan writes nothing */
	if (store_get(&daemon->store, &ledger, &err) < 0 ||
	    events_add(ledger, daemon_now_usec(daemon), LOG_WARNING, fields.user, NULL, text,
		       &err) < 0)
		log_debug("%s", err.text); /* what happened is in the journal */
}

static void on_job_end(void *context, const struct queue_job *job, enum queue_outcome outcome,
		       const char *text)
{
	struct daemon *daemon = context;

	/* A refused roster is told by the reconcile, with its line. */
	if (outcome == QUEUE_BROKEN || (outcome == QUEUE_FAILED && job->kind != QUEUE_RECONCILE))
		tell_failure(daemon, job, text);
	if (job->kind == QUEUE_RECONCILE) {
		knock_look(daemon->knock); /* it may have made the folder */
		schedule_wake(daemon->schedule);
	}
	if (job->kind == QUEUE_HOME && outcome != QUEUE_OK)
		schedule_home_failed(daemon->schedule, job->user);
	server_job_end(daemon->server, job, outcome, text);
}

static const struct queue_ops QUEUE_OPS = { .start = start_job, .on_end = on_job_end };

static unsigned int home_cap(const struct config *config)
{
	return config->home_concurrency > DAEMON_MAX_AT_ONCE ? DAEMON_MAX_AT_ONCE
							     : config->home_concurrency;
}

static int use_config(struct daemon *daemon, struct dv_error *err)
{
	queue_set_home_cap(daemon->queue, home_cap(&daemon->config));
	return watch_set_roster(daemon->watch, daemon->config.roster_path, err);
}

/* A bad configuration: one line, and the old one stays. */
static void reload_config(struct daemon *daemon)
{
	DV_AUTO_CONFIG struct config old = { 0 };
	struct config config = { 0 };
	struct dv_error err = { "" };

	if (config_load(&config, daemon->env, &err) < 0) {
		config_done(&config);
		log_error("%s; the configuration stays as it was", err.text);
		return;
	}
	old = daemon->config;
	daemon->config = config;
	if (use_config(daemon, &err) < 0)
		log_error("%s", err.text);
}

void daemon_on_change(struct daemon *daemon)
{
	reload_config(daemon);
	(void)queue_request_reconcile(daemon->queue, NULL); /* nobody waits for this one */
	daemon_wake_queue(daemon);
}

static void on_watch(void *context)
{
	daemon_on_change(context);
}

/* The front door's account; without it nobody has its role. Looked up once: it is a system
 * account of this package, and NSS must not be asked while requests wait. */
static void find_dispatch_uid(struct daemon *daemon)
{
	const struct passwd *account = getpwnam(DAEMON_DISPATCH_ACCOUNT);

	daemon->has_dispatch_uid = account && account->pw_uid != 0;
	if (daemon->has_dispatch_uid)
		daemon->dispatch_uid = account->pw_uid;
}

static int set_up_sources(struct daemon *daemon, struct dv_error *err)
{
	sd_event *event = daemon->event;
	int r = sd_event_add_defer(event, &daemon->dispatch_now, on_dispatch_now, daemon);

	if (r >= 0)
		r = sd_event_source_set_priority(daemon->dispatch_now, DAEMON_PRIORITY_QUEUE);
	if (r >= 0)
		r = sd_event_add_time_relative(event, &daemon->dispatch_later, CLOCK_MONOTONIC, 0,
					       1000, on_dispatch_later, daemon);
	if (r >= 0)
		r = sd_event_source_set_priority(daemon->dispatch_later, DAEMON_PRIORITY_QUEUE);
	if (r >= 0)
		r = sd_event_source_set_enabled(daemon->dispatch_later, SD_EVENT_OFF);
	return r < 0 ? dv_fail(err, r, "set up the queue") : 0;
}

static int load_config(struct daemon *daemon, struct dv_error *err)
{
	struct dv_error why;
	int r = config_load_or_defaults(&daemon->config, daemon->env, &why, err);

	/* At the start there is no old one: logins are served. */
	if (*why.text)
		log_error("%s", why.text);
	return r;
}

static int set_up_parts(struct daemon *daemon, const struct daemon_sockets *sockets,
			struct dv_error *err)
{
	int r = load_config(daemon, err);

	if (r == 0)
		r = queue_new(&daemon->queue, &QUEUE_OPS, daemon, err);
	if (r == 0)
		r = set_up_sources(daemon, err);
	if (r == 0)
		r = units_new(&daemon->units, daemon->event, err);
	if (r == 0)
		r = reports_new(&daemon->reports, daemon, err);
	if (r == 0)
		r = schedule_new(&daemon->schedule, daemon, err);
	if (r == 0)
		r = programs_new(&daemon->programs, daemon, err);
	if (r == 0)
		r = instances_new(&daemon->instances, daemon, err);
	if (r == 0)
		r = mints_new(&daemon->mints, daemon, err);
	if (r == 0)
		r = watch_new(&daemon->watch, daemon->event, daemon->env, on_watch, daemon, err);
	if (r == 0)
		r = use_config(daemon, err);
	if (r == 0)
		r = knock_new(&daemon->knock, daemon, err);
	if (r == 0)
		r = server_new(&daemon->server, daemon, sockets->pam_fd, sockets->helper_fd, err);
	return r;
}

static void daemon_freep(struct daemon **daemon)
{
	daemon_free(*daemon);
}

int daemon_new(struct daemon **ret_daemon, sd_event *event, const struct env *env,
	       const struct daemon_sockets *sockets, struct dv_error *err)
{
	DV_CLEANUP(daemon_freep) struct daemon *daemon = calloc(1, sizeof(*daemon));
	struct ledger *ledger;
	int r;

	if (!daemon)
		return dv_fail(err, -ENOMEM, "set up the daemon");
	daemon->event = event;
	daemon->env = env;
	store_init(&daemon->store, env);
	find_dispatch_uid(daemon);
	r = set_up_parts(daemon, sockets, err);
	if (r < 0)
		return r;
	if (store_get(&daemon->store, &ledger, err) < 0)
		log_debug("%s", err->text); /* told already, and tried again when needed */
	(void)queue_request_reconcile(daemon->queue, NULL); /* nobody waits for this one */
	daemon_wake_queue(daemon);
	*ret_daemon = DV_TAKE_PTR(daemon);
	return 0;
}

void daemon_free(struct daemon *daemon)
{
	if (!daemon)
		return;
	if (daemon->reports)
		(void)reports_flush(daemon->reports); /* what cannot be written is due again */
	server_free(daemon->server);
	knock_free(daemon->knock);
	watch_free(daemon->watch);
	schedule_free(daemon->schedule);
	reports_free(daemon->reports);
	units_free(daemon->units);
	programs_free(daemon->programs);
	instances_free(daemon->instances);
	mints_free(daemon->mints);
	sd_event_source_disable_unref(daemon->dispatch_now);
	sd_event_source_disable_unref(daemon->dispatch_later);
	queue_free(daemon->queue);
	store_done(&daemon->store);
	config_done(&daemon->config);
	free(daemon);
}
