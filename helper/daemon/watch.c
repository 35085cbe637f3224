/* watch.c - see watch.h. */
#include "daemon/watch.h"

#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "config/config.h"
#include "daemon/daemon.h"
#include "wire/paths.h"

#define READ_AT_ONCE 16

/* ATTRIB: a refused roster may become good by a chmod, of the file or of its folder. */
#define FILE_EVENTS                                                                                \
	(IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB)
#define FOLDER_EVENTS (FILE_EVENTS | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

enum target_index {
	TARGET_CONFIG,
	TARGET_ROSTER,
	N_TARGETS,
};

/* A file, by its folder. Two may share a folder and then a watch descriptor. */
struct target {
	char *folder; /* below the root; NULL while there is nothing to watch */
	char *name;
	int wd;	   /* -1 while the folder is not there */
	bool told; /* that it is not there */
};

struct watch {
	const struct env *env;
	int fd;
	struct target targets[N_TARGETS];
	sd_event_source *io, *quiet, *retry;
	int64_t first_ms; /* of the changes not told yet; 0 for none */
	void (*on_change)(void *context);
	void *context;
};

static void arm(struct watch *watch)
{
	int64_t now_ms = clock_now_ms();
	int64_t left_ms;

	if (watch->first_ms == 0)
		watch->first_ms = now_ms;
	left_ms = watch->first_ms + WATCH_MAX_MS - now_ms;
	if (left_ms > WATCH_QUIET_MS)
		left_ms = WATCH_QUIET_MS;
	if (left_ms < 0)
		left_ms = 0;
	/* These fail for a source that is gone, and it lives as long as `watch`. */
	(void)sd_event_source_set_time_relative(watch->quiet, (uint64_t)left_ms * 1000);
	(void)sd_event_source_set_enabled(watch->quiet, SD_EVENT_ONESHOT);
}

bool watch_is_armed(const struct watch *watch)
{
	return watch->first_ms != 0;
}

static int on_quiet(sd_event_source *source DV_UNUSED, uint64_t usec DV_UNUSED, void *context)
{
	struct watch *watch = context;

	watch->first_ms = 0;
	watch->on_change(watch->context);
	return 0;
}

/* Through a descriptor of the folder, so that the root of `env` holds. */
static int add_folder(struct watch *watch, const char *folder)
{
	char path[64];
	DV_AUTO_CLOSE int fd = openat(watch->env->root_dirfd, *folder ? folder : ".",
				      O_PATH | O_DIRECTORY | O_CLOEXEC);
	int wd;

	if (fd < 0)
		return -errno;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	wd = inotify_add_watch(watch->fd, path, FOLDER_EVENTS);
	return wd < 0 ? -errno : wd;
}

/* True when every folder is watched. `ret_found` tells that one is watched anew. */
static bool add_missing(struct watch *watch, bool *ret_found)
{
	bool complete = true;

	*ret_found = false;
	for (int i = 0; i < N_TARGETS; i++) {
		struct target *target = &watch->targets[i];
		int wd;

		if (!target->folder || target->wd >= 0)
			continue;
		wd = add_folder(watch, target->folder);
		if (wd >= 0) {
			target->wd = wd;
			target->told = false;
			*ret_found = true;
			continue;
		}
		complete = false;
		if (!target->told)
			log_warning("cannot watch /%s: %s; changes are seen when it is there, "
				    "or by devvmctl reconcile",
				    target->folder, strerror(-wd));
		target->told = true;
	}
	return complete;
}

/* Look for the folders that are not watched, now and until they are all there. */
static void look_for_folders(struct watch *watch, bool found_is_change)
{
	bool found;

	if (!add_missing(watch, &found)) {
		/* These fail for a source that is gone, and it lives as long as `watch`. */
		(void)sd_event_source_set_time_relative(watch->retry, WATCH_RETRY_MS * 1000ULL);
		(void)sd_event_source_set_enabled(watch->retry, SD_EVENT_ONESHOT);
	}
	if (found && found_is_change)
		arm(watch);
}

static int on_retry(sd_event_source *source DV_UNUSED, uint64_t usec DV_UNUSED, void *context)
{
	look_for_folders(context, true);
	return 0;
}

/* The folder is gone, or is another one now: whoever stands at its path is looked for. */
static void lose_folder(struct watch *watch, int wd)
{
	for (int i = 0; i < N_TARGETS; i++) {
		if (watch->targets[i].wd == wd)
			watch->targets[i].wd = -1;
	}
	(void)inotify_rm_watch(watch->fd, wd); /* gone already after a delete */
	arm(watch);
	look_for_folders(watch, true);
}

static void on_event(struct watch *watch, const struct inotify_event *event)
{
	if (event->mask & IN_Q_OVERFLOW) {
		arm(watch);
		return;
	}
	for (int i = 0; i < N_TARGETS; i++) {
		const struct target *target = &watch->targets[i];

		if (target->wd != event->wd)
			continue;
		if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)) {
			lose_folder(watch, event->wd);
			return;
		}
		/* Without a name it is about the folder itself. */
		if (event->len == 0 || strcmp(event->name, target->name) == 0)
			arm(watch);
	}
}

static int on_readable(sd_event_source *source DV_UNUSED, int fd, uint32_t events DV_UNUSED,
		       void *context)
{
	struct watch *watch = context;
	_Alignas(struct inotify_event) char buffer[4096];

	for (int i = 0; i < READ_AT_ONCE; i++) {
		const struct inotify_event *event;
		ssize_t n = read(fd, buffer, sizeof(buffer));

		if (n <= 0)
			return 0;
		for (ssize_t at = 0; at < n; at += (ssize_t)(sizeof(*event) + event->len)) {
			event = (const struct inotify_event *)&buffer[at];
			on_event(watch, event);
		}
	}
	return 0;
}

static void target_done(struct target *target)
{
	free(target->folder);
	free(target->name);
	*target = (struct target){ .wd = -1 };
}

/* `path` is below the root. */
static int set_target(struct target *target, const char *path)
{
	const char *slash = strrchr(path, '/');
	DV_AUTO_FREE char *folder = strndup(path, slash ? (size_t)(slash - path) : 0);
	DV_AUTO_FREE char *name = strdup(slash ? slash + 1 : path);

	if (!folder || !name)
		return -ENOMEM;
	target_done(target);
	target->folder = DV_TAKE_PTR(folder);
	target->name = DV_TAKE_PTR(name);
	return 0;
}

static bool is_target(const struct target *target, const char *path)
{
	size_t n = target->folder ? strlen(target->folder) : 0;

	return target->folder && strncmp(path, target->folder, n) == 0 &&
	       strcmp(path + n + (path[n] == '/'), target->name) == 0;
}

int watch_set_roster(struct watch *watch, const char *path, struct dv_error *err)
{
	struct target *roster = &watch->targets[TARGET_ROSTER];
	int old_wd = roster->wd;

	if (is_target(roster, PATH_BELOW_ROOT(path)))
		return 0;
	if (set_target(roster, PATH_BELOW_ROOT(path)) < 0)
		return dv_fail(err, -ENOMEM, "watch %s", path);
	if (old_wd >= 0 && old_wd != watch->targets[TARGET_CONFIG].wd)
		(void)inotify_rm_watch(watch->fd, old_wd); /* not wanted any more */
	look_for_folders(watch, false);
	return 0;
}

static int add_timer(sd_event *event, sd_event_source **ret_source, sd_event_time_handler_t on_time,
		     struct watch *watch)
{
	int r = sd_event_add_time_relative(event, ret_source, CLOCK_MONOTONIC, 0, 1000, on_time,
					   watch);

	if (r >= 0)
		r = sd_event_source_set_priority(*ret_source, DAEMON_PRIORITY_WATCH);
	return r < 0 ? r : sd_event_source_set_enabled(*ret_source, SD_EVENT_OFF);
}

static void watch_freep(struct watch **watch)
{
	watch_free(*watch);
}

int watch_new(struct watch **ret_watch, sd_event *event, const struct env *env,
	      void (*on_change)(void *context), void *context, struct dv_error *err)
{
	DV_CLEANUP(watch_freep) struct watch *watch = calloc(1, sizeof(*watch));
	int r;

	if (!watch)
		return dv_fail(err, -ENOMEM, "set up the watch");
	*watch = (struct watch){ .env = env, .on_change = on_change, .context = context };
	for (int i = 0; i < N_TARGETS; i++)
		watch->targets[i].wd = -1;
	watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (watch->fd < 0)
		return dv_fail(err, -errno, "set up inotify");
	r = sd_event_add_io(event, &watch->io, watch->fd, EPOLLIN, on_readable, watch);
	if (r >= 0)
		r = sd_event_source_set_priority(watch->io, DAEMON_PRIORITY_WATCH);
	if (r >= 0)
		r = add_timer(event, &watch->quiet, on_quiet, watch);
	if (r >= 0)
		r = add_timer(event, &watch->retry, on_retry, watch);
	if (r >= 0)
		r = set_target(&watch->targets[TARGET_CONFIG], CONFIG_PATH);
	if (r < 0)
		return dv_fail(err, r, "set up the watch");
	look_for_folders(watch, false);
	*ret_watch = DV_TAKE_PTR(watch);
	return 0;
}

void watch_free(struct watch *watch)
{
	if (!watch)
		return;
	sd_event_source_disable_unref(watch->io);
	sd_event_source_disable_unref(watch->quiet);
	sd_event_source_disable_unref(watch->retry);
	for (int i = 0; i < N_TARGETS; i++)
		target_done(&watch->targets[i]);
	dv_closep(&watch->fd);
	free(watch);
}
