/* offboard_look.c - what the machine says of somebody who is to be archived, and whether it may be. See offboard.h. */
#include "job/offboard.h"

#include <dirent.h>
#include <pwd.h>
#include <string.h>
#include <systemd/sd-login.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "base/str.h"

#define UNIT_MAX_MS                                                                                \
	(7 * 3600 * INT64_C(1000)) /* a home of terabytes; the units' own limit is below */
#define STATUS_MAX_BYTES 16384
#define PASSWD_MAX_BYTES (16 * 1024 * 1024)

int offboard_run_unit(const struct offboard *run, const char *prefix, struct dv_error *err)
{
	char unit[128];
	const char *const argv[] = { "systemctl", "start", unit, NULL };
	struct dv_error why = { "" };
	int r;

	(void)snprintf(unit, sizeof(unit), "%s@%s.service", prefix, run->person.name);
	r = process_run_ok(&(struct process_spec){ .argv = argv,
						   .deadline_ms = clock_deadline_ms(UNIT_MAX_MS) },
			   &why);
	return r < 0 ? dv_refuse(err, r, "%s failed: journalctl -u %s says why", unit, unit) : 0;
}

/* "Name:" and the real uid of "Uid:" of /proc/PID/status; proc(5). */
static bool parse_status(char *text, char ret_name[static 32], uid_t *ret_uid)
{
	char *name = strstr(text, "Name:\t");
	char *uid = strstr(text, "\nUid:\t");

	if (!name || !uid)
		return false;
	*ret_uid = (uid_t)strtoul(uid + strlen("\nUid:\t"), NULL, 10);
	name += strlen("Name:\t");
	(void)snprintf(ret_name, 32, "%.*s", (int)strcspn(name, "\n"), name);
	return true;
}

static void look_at_process(struct offboard *run, const char *pid)
{
	DV_AUTO_FREE char *text = NULL;
	char path[64], name[32], shown[STR_SHOW_BYTES];
	size_t n_bytes = 0;
	uid_t uid = 0;

	(void)snprintf(path, sizeof(path), "proc/%.20s/status", pid);
	/* One that has ended meanwhile runs no more. */
	if (file_read_kernel(run->env.root_dirfd, path, STATUS_MAX_BYTES, &text, &n_bytes, NULL) <
		    0 ||
	    !parse_status(text, name, &uid) || uid != (uid_t)run->person.uid)
		return;
	if (run->n_processes++ == 0)
		(void)snprintf(run->first_process, sizeof(run->first_process), "%.40s, pid %.10s",
			       str_show(name, shown), pid);
}

static void close_dirp(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir); /* a folder that was read has nothing to lose */
}

static int look_for_processes(struct offboard *run, struct dv_error *err)
{
	int fd = openat(run->env.root_dirfd, "proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DV_CLEANUP(close_dirp) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!dir) {
		int r = dv_fail(err, -errno, "read /proc");

		dv_closep(&fd);
		return r;
	}
	while ((entry = readdir(dir))) {
		if (strspn(entry->d_name, "0123456789") == strlen(entry->d_name))
			look_at_process(run, entry->d_name);
	}
	return 0;
}

/* Whether /etc/passwd has the name: only such an account is userdel's to remove. */
static bool is_in_passwd(const struct offboard *run)
{
	DV_AUTO_FREE char *text = NULL;
	DV_AUTO_FREE char *start = NULL;
	size_t n_bytes = 0;

	if (file_read(run->env.root_dirfd, "etc/passwd", PASSWD_MAX_BYTES, &text, &n_bytes, NULL,
		      NULL) < 0 ||
	    asprintf(&start, "\n%s:", run->person.name) < 0)
		return false;
	return str_starts_with(text, start + 1) || strstr(text, start);
}

static int look_at_account(struct offboard *run, struct dv_error *err)
{
	const struct passwd *entry;
	struct stat st;

	errno = 0;
	entry = getpwnam(run->person.name);
	if (!entry && errno != 0 && errno != ENOENT && errno != ESRCH)
		return dv_fail(err, -errno, "the name service cannot be asked about %s",
			       run->person.name);
	if (!entry || run->person.uid < 0 || entry->pw_uid != (uid_t)run->person.uid)
		return 0;
	run->has_account = true;
	run->is_local = is_in_passwd(run);
	run->home = strdup(entry->pw_dir);
	if (!run->home)
		return dv_fail(err, -ENOMEM, "look at %s", run->person.name);
	run->has_home =
		*run->home == '/' &&
		fstatat(run->env.root_dirfd, run->home + 1, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		S_ISDIR(st.st_mode) && st.st_uid == entry->pw_uid;
	return 0;
}

int offboard_look(struct offboard *run, struct dv_error *err)
{
	int r = look_at_account(run, err);

	if (r < 0 || !run->has_account)
		return r;
	r = sd_uid_get_sessions((uid_t)run->person.uid, 0, NULL);
	run->n_sessions = r > 0 ? (unsigned int)r : 0; /* no logind, no sessions */
	return look_for_processes(run, err);
}

/* A home that the unit's sandbox leaves as it is would be emptied and then stay. */
static int check_place(const struct offboard *run, struct dv_error *err)
{
	DV_AUTO_FREE char *folder = strdup(run->home);
	char *slash = folder ? strrchr(folder, '/') : NULL;

	if (!slash)
		return dv_fail(err, -ENOMEM, "look at %s", run->home);
	slash[slash == folder] = '\0';
	if (faccessat(run->env.root_dirfd, folder[1] ? folder + 1 : ".", W_OK, AT_EACCESS) == 0)
		return 0;
	return dv_refuse(err, -EPERM,
			 "%s could be emptied and not removed: devvm-offboard@.service may not "
			 "write to %s (%s); systemctl edit devvm-offboard@.service: [Service] "
			 "ReadWritePaths=%s, then again",
			 run->home, folder, strerror(errno), folder);
}

int offboard_check(const struct offboard *run, struct dv_error *err)
{
	const char *name = run->person.name;

	if (run->person.state != PEOPLE_LEFT)
		return dv_refuse(err, -EPERM, "%s is on the roster: take them off it first", name);
	if (run->person.cut != run->person.generation)
		return dv_refuse(err, -EPERM,
				 "what runs for %s is not stopped yet: devvmctl reconcile, and "
				 "journalctl -u devvm-settle where that does not help",
				 name);
	if (!run->has_account)
		return run->person.archive ? 0
					   : dv_refuse(err, -EPERM,
						       "%s has no account here: nothing is to be "
						       "archived",
						       name);
	if (!run->is_local)
		return dv_refuse(err, -EPERM,
				 "the account %s is not in /etc/passwd: remove it where it comes "
				 "from",
				 name);
	if (run->n_processes > 0)
		return dv_refuse(err, -EPERM,
				 "%u processes of %s still run (first %s): loginctl terminate-user "
				 "%s, or wait",
				 run->n_processes, name, run->first_process, name);
	if (!run->has_home &&
	    faccessat(run->env.root_dirfd, run->home + 1, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return dv_refuse(err, -EPERM, "%s is not a folder of %s: move it away, then again",
				 run->home, name);
	return run->has_home ? check_place(run, err) : 0;
}
