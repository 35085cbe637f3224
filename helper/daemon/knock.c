/* knock.c - see knock.h. */
#include "daemon/knock.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/str.h"
#include "daemon/instances.h"
#include "ledger/people.h"
#include "ledger/steps_log.h"
#include "steps/due.h"
#include "wire/paths.h"

/* Knocks come before everything, but not before everything for long: a root process that touches
 * and touches must not keep logins without a ticket waiting. What comes beyond waits in the
 * kernel's queue, and a queue that overflows has all tickets looked at. */
#define KNOCK_INTERVAL_USEC 500000
#define KNOCK_PER_INTERVAL 200

struct knock {
	struct daemon *daemon;
	sd_event_source *source; /* NULL while the folder is not there */
};

static bool is_due(struct daemon *daemon, const char *user)
{
	DV_AUTO_PEOPLE_ROW struct people_row person = { 0 };
	DV_AUTO_STEPS_LOG struct steps_log log = { 0 };
	struct dv_error err = { "" };
	struct ledger *ledger;
	int r = store_get(&daemon->store, &ledger, &err);

	if (r == 0)
		r = people_get(ledger, user, &person, &err);
	if (r == 0)
		r = steps_log_list(ledger, user, &log, &err);
	if (store_note(&daemon->store, r, &err) < 0)
		return false; /* the next login knocks again */
	return due_home(&person, &log, &daemon->config, daemon_now_usec(daemon));
}

static void on_name(struct daemon *daemon, const char *user)
{
	/* Who is queued for the schedule moves up; who is queued already is not looked up. */
	if (queue_home_state(daemon->queue, user) != QUEUE_HOME_NONE || is_due(daemon, user))
		(void)daemon_request_home(daemon, user, QUEUE_LOGIN); /* tells when it is full */
	instances_want(daemon->instances, user, INSTANCES_LOGIN);
}

/* When the ticket was last touched; 0 for one that is gone, as for one that never was. */
static int64_t touched_usec(int folder_fd, const char *name)
{
	struct stat ticket;

	if (fstatat(folder_fd, name, &ticket, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return ticket.st_mtim.tv_sec * INT64_C(1000000) + ticket.st_mtim.tv_nsec / 1000;
}

/* Whoever has come lately; `folder_fd` is consumed. A time to come is what a clock that was
 * set back leaves: counted, for it costs no more than a look whether they are due. */
static void look_at_all(struct knock *knock, int folder_fd)
{
	int64_t since_usec = daemon_now_usec(knock->daemon) - KNOCK_RECENT_USEC;
	DIR *folder = fdopendir(folder_fd);
	const struct dirent *entry;

	if (!folder) {
		(void)close(folder_fd);
		return; /* no memory: the next logins are heard */
	}
	while ((entry = readdir(folder))) {
		if (str_is_user_name(entry->d_name) &&
		    touched_usec(folder_fd, entry->d_name) > since_usec)
			on_name(knock->daemon, entry->d_name);
	}
	(void)closedir(folder);
}

static int open_folder(const struct knock *knock)
{
	int fd = openat(knock->daemon->env->root_dirfd, PATH_BELOW_ROOT(PATH_TICKETS),
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int on_event(sd_event_source *source DV_UNUSED, const struct inotify_event *event,
		    void *context)
{
	struct knock *knock = context;

	if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)) {
		/* The folder is gone, or is another one now. */
		knock->source = sd_event_source_disable_unref(knock->source);
		knock_look(knock);
	} else if (event->mask & IN_Q_OVERFLOW) {
		int fd = open_folder(knock);

		if (fd >= 0)
			look_at_all(knock, fd);
	} else if (event->len > 0 && str_is_user_name(event->name)) {
		/* Not what is about the folder itself, and not the reconcile's temporaries. */
		on_name(knock->daemon, event->name);
	}
	return 0;
}

static int watch_folder(struct knock *knock, int folder_fd)
{
	DV_CLEANUP(sd_event_source_disable_unrefp) sd_event_source *source = NULL;
	int r = sd_event_add_inotify_fd(knock->daemon->event, &source, folder_fd,
					IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR,
					on_event, knock);

	if (r >= 0)
		r = sd_event_source_set_priority(source, DAEMON_PRIORITY_KNOCK);
	if (r >= 0)
		r = sd_event_source_set_ratelimit(source, KNOCK_INTERVAL_USEC, KNOCK_PER_INTERVAL);
	if (r < 0)
		return r;
	knock->source = DV_TAKE_PTR(source);
	return 0;
}

void knock_look(struct knock *knock)
{
	DV_AUTO_CLOSE int fd = -1;
	int r;

	if (knock->source)
		return;
	fd = open_folder(knock);
	r = fd < 0 ? fd : watch_folder(knock, fd);
	if (r == -ENOENT)
		return; /* before the first reconcile; its end has us look again */
	if (r < 0) {
		log_warning("cannot watch %s: %s; logins start no home jobs; tried again behind "
			    "the next reconcile",
			    PATH_TICKETS, strerror(-r));
		return;
	}
	look_at_all(knock, DV_TAKE_FD(fd)); /* watched first: none falls between the two */
}

int knock_new(struct knock **ret_knock, struct daemon *daemon, struct dv_error *err)
{
	struct knock *knock = calloc(1, sizeof(*knock));

	if (!knock)
		return dv_fail(err, -ENOMEM, "listen for knocks");
	knock->daemon = daemon;
	knock_look(knock);
	*ret_knock = knock;
	return 0;
}

void knock_free(struct knock *knock)
{
	if (!knock)
		return;
	sd_event_source_disable_unref(knock->source);
	free(knock);
}
