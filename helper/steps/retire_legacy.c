/* retire_legacy.c - hand-made playwright units in ~/.config/systemd/user make room for ours.
 *
 * Before devvm people were given playwright-*.service and .timer by hand, in their own systemd.
 * Such a server holds the port that is now playwright-mcp@USER.socket's. Once it is idle it is
 * stopped and disabled, timers first; the files stay, so nothing of theirs is lost. A busy one is
 * left alone and looked at again later.
 *
 * Where the person's systemd does not run there is nothing to stop: the links that enable the units
 * are removed, and nothing else. Only regular files count as hand-made; a folder that is reached
 * by a link is somebody's own arrangement and left alone.
 */
#include "steps/retire_legacy.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "steps/legacy_use.h"
#include "steps/work.h"

#define UNITS ".config/systemd/user"
#define MAX_UNITS 16
#define ASK_DEADLINE_MS 10000
#define STOP_DEADLINE_MS 40000
#define PATH_BYTES 320

struct legacy {
	struct str_list units;	 /* files of theirs, timers first */
	struct str_list enabled; /* links below UNITS: "default.target.wants/NAME" */
	struct str_list live;	 /* those of `units` that run */
	char runtime[64];	 /* "XDG_RUNTIME_DIR=…"; "" where their systemd does not run */
};

static void legacy_done(struct legacy *legacy)
{
	str_list_done(&legacy->units);
	str_list_done(&legacy->enabled);
	str_list_done(&legacy->live);
}

typedef int on_entry(int folder_fd, const char *name, void *context);

/* Consumes `folder_fd`. */
static int each_entry(int folder_fd, on_entry *on, void *context)
{
	DIR *dir = fdopendir(folder_fd);
	const struct dirent *entry;
	int r = dir ? 0 : -errno;

	if (!dir)
		dv_closep(&folder_fd);
	while (r == 0 && (entry = readdir(dir)))
		r = on(dirfd(dir), entry->d_name, context);
	if (dir)
		(void)closedir(dir);
	return r;
}

struct search {
	struct legacy *legacy;
	const char *suffix;
	char folder[PATH_BYTES]; /* of links; below UNITS */
};

static int add_unit(int folder_fd, const char *name, void *context)
{
	const struct search *search = context;
	char pattern[32];
	struct stat st;

	(void)snprintf(pattern, sizeof(pattern), "playwright-*%s", search->suffix);
	if (fnmatch(pattern, name, 0) != 0 ||
	    fstatat(folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return 0;
	if (search->legacy->units.n_items == MAX_UNITS)
		return -E2BIG;
	return str_list_add(&search->legacy->units, name);
}

static int add_link(int folder_fd, const char *name, void *context)
{
	const struct search *search = context;
	char path[2 * PATH_BYTES];
	struct stat st;

	if (!str_list_has(&search->legacy->units, name) ||
	    fstatat(folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISLNK(st.st_mode))
		return 0;
	(void)snprintf(path, sizeof(path), "%s/%s", search->folder, name);
	return str_list_add(&search->legacy->enabled, path);
}

static int add_links_of_folder(int units_fd, const char *name, void *context)
{
	struct search *search = context;
	int fd;

	if (fnmatch("*.wants", name, 0) != 0 && fnmatch("*.requires", name, 0) != 0)
		return 0;
	fd = openat(units_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOTDIR || errno == ELOOP ? 0 : -errno;
	(void)snprintf(search->folder, sizeof(search->folder), "%s", name);
	return each_entry(fd, add_link, search);
}

/* Opens the folder of units; -ENOENT where there is none that we would look into. */
static int open_units(const struct home_work *work, struct dv_error *err)
{
	struct dv_error trouble = { "" }; /* told only where it is not an answer */
	int fd = file_open_beneath(work->home_fd, UNITS, O_RDONLY | O_DIRECTORY, 0, &trouble);

	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP || fd == -EXDEV)
		return -ENOENT;
	return fd < 0 ? dv_refuse(err, fd, "in the home: %s", trouble.text) : fd;
}

static int find_files(int units_fd, struct legacy *legacy)
{
	struct search search = { .legacy = legacy };
	on_entry *const passes[] = { add_unit, add_unit, add_links_of_folder };
	static const char *const suffixes[] = { ".timer", ".service", NULL };
	int r = 0;

	for (size_t i = 0; r == 0 && i < DV_COUNT(passes); i++) {
		int fd = openat(units_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		search.suffix = suffixes[i];
		r = fd < 0 ? -errno : each_entry(fd, passes[i], &search);
	}
	return r;
}

static void find_manager(const struct env *env, struct legacy *legacy)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "run/user/%u/systemd/private", geteuid());
	if (faccessat(env->root_dirfd, path, F_OK, 0) == 0)
		(void)snprintf(legacy->runtime, sizeof(legacy->runtime),
			       "XDG_RUNTIME_DIR=/run/user/%u", geteuid());
}

/* systemctl --user WORD… UNIT…; `words` is NULL-terminated. */
static int run_systemctl(const struct legacy *legacy, const char *const *words,
			 const struct str_list *units, int64_t ms,
			 struct process_result *ret_result, struct dv_error *err)
{
	const char *argv[MAX_UNITS + 8] = { "systemctl", "--user" };
	struct process_spec spec = {
		.argv = argv,
		.envp = (const char *const[]){ legacy->runtime, "PATH=/usr/bin:/bin", "LC_ALL=C",
					       NULL },
		.working_folder = "/",
		.deadline_ms = clock_deadline_ms(ms),
	};
	size_t n = 2;
	int r;

	while (*words && n < DV_COUNT(argv) - MAX_UNITS - 1)
		argv[n++] = *words++;
	for (size_t i = 0; i < units->n_items; i++)
		argv[n++] = units->items[i];
	r = process_run(&spec, ret_result, err);
	if (r == 0 && ret_result->timed_out)
		r = dv_refuse(err, -ETIMEDOUT, "systemctl --user does not answer");
	return r;
}

/* Which of them run. `is-active` prints a word a unit; "failed" and "inactive" do not. */
static int find_live(struct legacy *legacy, struct dv_error *err)
{
	DV_AUTO_FREE struct process_result *result = malloc(sizeof(*result));
	const char *word;
	char *rest;
	int r;

	if (!result)
		return dv_fail(err, -ENOMEM, "run systemctl");
	r = run_systemctl(legacy, (const char *const[]){ "is-active", "--", NULL }, &legacy->units,
			  ASK_DEADLINE_MS, result, err);
	rest = result->output;
	for (size_t i = 0; r == 0 && i < legacy->units.n_items; i++) {
		word = strsep(&rest, "\n");
		if (!word || !*word)
			return dv_refuse(err, -EIO, "systemctl --user does not say whether %s runs",
					 legacy->units.items[i]);
		if (strcmp(word, "inactive") != 0 && strcmp(word, "failed") != 0 &&
		    strcmp(word, "unknown") != 0)
			r = str_list_add(&legacy->live, legacy->units.items[i]);
	}
	return r;
}

static int find_legacy(struct step_context *context, struct legacy *legacy, struct dv_error *err)
{
	DV_AUTO_CLOSE int units_fd = open_units(context->home, err);
	int r;

	if (units_fd == -ENOENT)
		return 0;
	if (units_fd < 0)
		return units_fd;
	r = find_files(units_fd, legacy);
	if (r < 0)
		return dv_fail(err, r, "look into ~/" UNITS);
	if (legacy->units.n_items == 0)
		return 0;
	find_manager(context->env, legacy);
	return *legacy->runtime ? find_live(legacy, err) : 0;
}

int retire_legacy_check(struct step_context *context, enum step_verdict *ret_verdict,
			char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	DV_CLEANUP(legacy_done) struct legacy legacy = { 0 };
	int r = find_legacy(context, &legacy, err);

	if (r < 0)
		return r;
	*ret_verdict = STEP_FINE;
	if (legacy.live.n_items == 0 && legacy.enabled.n_items == 0)
		return 0;
	*ret_verdict = STEP_DIFFERS;
	(void)snprintf(ret_what, STEP_WHAT_BYTES, "stop and disable the hand-made %s",
		       legacy.live.n_items > 0 ? legacy.live.items[0]
					       : strrchr(legacy.enabled.items[0], '/') + 1);
	return 0;
}

/* -EAGAIN while one is in use. */
static int look_for_use(const struct env *env, const struct legacy *legacy, struct dv_error *err)
{
	DV_AUTO_FREE struct process_result *result = malloc(sizeof(*result));

	for (size_t i = 0; i < legacy->live.n_items; i++) {
		const struct str_list one = { .items = &legacy->live.items[i], .n_items = 1 };
		char why[LEGACY_USE_WHY_BYTES];
		int r;

		if (!result)
			return dv_fail(err, -ENOMEM, "run systemctl");
		r = run_systemctl(legacy,
				  (const char *const[]){ "show", "--property=ControlGroup",
							 "--value", "--", NULL },
				  &one, ASK_DEADLINE_MS, result, err);
		if (r < 0)
			return r;
		result->output[strcspn(result->output, "\n")] = '\0';
		if (legacy_use_find(env, result->output, why))
			return dv_refuse(
				err, -EAGAIN,
				"the hand-made %s is in use (%s): it is stopped once it is idle",
				one.items[0], why);
	}
	return 0;
}

static int retire_by_manager(const struct legacy *legacy, struct dv_error *err)
{
	DV_AUTO_FREE struct process_result *result = malloc(sizeof(*result));
	char *rest;
	int r;

	if (!result)
		return dv_fail(err, -ENOMEM, "run systemctl");
	r = run_systemctl(legacy, (const char *const[]){ "disable", "--now", "--", NULL },
			  &legacy->units, STOP_DEADLINE_MS, result, err);
	if (r == 0 && result->exit_status != 0) {
		rest = result->output;
		r = dv_refuse(err, -EIO, "systemctl --user disable --now: %s", strsep(&rest, "\n"));
	}
	return r;
}

static int remove_links(const struct home_work *work, const struct legacy *legacy,
			struct dv_error *err)
{
	DV_AUTO_CLOSE int units_fd = open_units(work, err);
	int r = units_fd;

	if (units_fd < 0)
		return units_fd == -ENOENT ? 0 : r; /* gone meanwhile */
	r = 0;
	for (size_t i = 0; r == 0 && i < legacy->enabled.n_items; i++)
		r = file_remove(units_fd, legacy->enabled.items[i], err);
	return r < 0 ? dv_prefix(err, r, "in ~/" UNITS) : 0;
}

int retire_legacy_apply(struct step_context *context, struct dv_error *err)
{
	DV_CLEANUP(legacy_done) struct legacy legacy = { 0 };
	int r = find_legacy(context, &legacy, err);

	if (r < 0)
		return r;
	if (!*legacy.runtime)
		return remove_links(context->home, &legacy, err);
	r = look_for_use(context->env, &legacy, err);
	return r < 0 ? r : retire_by_manager(&legacy, err);
}
