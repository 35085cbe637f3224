/* offboard.c - see offboard.h. The result is text in the ledger for devvm-helperd: of a plan lines
 * "key=value", of an archive a sentence. */
#include "job/offboard.h"

#include <dirent.h>
#include <inttypes.h>
#include <pwd.h>
#include <string.h>
#include <systemd/sd-login.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/process.h"
#include "base/str.h"
#include "job/jobs.h"
#include "ledger/events.h"
#include "ledger/installs.h"
#include "steps/paths.h"

#define LEDGER_BUSY_MS 10000
#define UNIT_MAX_MS                                                                                \
	(7 * 3600 * INT64_C(1000)) /* a home of terabytes; the units' own limit is below */
#define STATUS_MAX_BYTES 16384
#define PASSWD_MAX_BYTES (16 * 1024 * 1024)
#define MEASURE_FOLDER "run/devvm/offboard"
#define MEASURE_MAX_BYTES 4096
#define INSTANCE_PLAN "plan-"
#define INSTANCE_ARCHIVE "archive-"
#define KEY_PREFIX "offboard-"

static void offboard_done(struct offboard *run)
{
	free(run->home);
	people_row_done(&run->person);
	ledger_close(run->ledger);
	env_done(&run->env);
}

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

/* ---- looking -------------------------------------------------------------------------- */

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
	return 0;
}

/* ---- the plan ------------------------------------------------------------------------- */

/* du's lines: bytes, then files and folders. What cannot be measured is left out of the plan. */
static void measure(struct offboard *run)
{
	DV_AUTO_FREE char *text = NULL;
	char path[STEPS_PATH_BYTES];
	struct dv_error err = { "" };
	size_t n_bytes = 0;
	int r = file_make_dirs(run->env.root_dirfd, MEASURE_FOLDER, 0700, &err);

	steps_person_path(path, MEASURE_FOLDER, run->person.name);
	if (r == 0)
		r = file_remove(run->env.root_dirfd, path, &err);
	if (r == 0)
		r = offboard_run_unit(run, "devvm-home-measure", &err);
	if (r == 0)
		r = file_read(run->env.root_dirfd, path, MEASURE_MAX_BYTES, &text, &n_bytes, NULL,
			      &err);
	if (r < 0) {
		log_warning("%s", err.text);
		return;
	}
	run->n_bytes = strtoull(text, NULL, 10);
	run->n_entries = strchr(text, '\n') ? strtoull(strchr(text, '\n') + 1, NULL, 10) : 0;
}

static int write_plan(struct offboard *run, char **ret_text, struct dv_error *err)
{
	const struct people_row *person = &run->person;
	struct dv_error refusal = { "" };
	size_t n_bytes = 0;
	FILE *out;

	if (run->has_home)
		measure(run);
	out = open_memstream(ret_text, &n_bytes);
	if (!out)
		return dv_fail(err, -errno, "write the plan");
	(void)fprintf(out, "user=%s\nstate=%s\n", person->name, people_state_name(person->state));
	if (person->uid != PEOPLE_NO_UID)
		(void)fprintf(out, "uid=%" PRId64 "\n", person->uid);
	if (run->has_account)
		(void)fprintf(out, "home=%s\nsessions=%u\nprocesses=%u\n", run->home,
			      run->n_sessions, run->n_processes);
	if (run->n_entries)
		(void)fprintf(out, "bytes=%" PRIu64 "\nentries=%" PRIu64 "\n", run->n_bytes,
			      run->n_entries);
	if (*run->first_process)
		(void)fprintf(out, "first-process=%s\n", run->first_process);
	if (person->archive)
		(void)fprintf(out, "archive=%s\n", person->archive);
	if (offboard_check(run, &refusal) < 0)
		(void)fprintf(out, "refused=%s\n", refusal.text);
	return fclose(out) == 0 ? 0 : dv_fail(err, -ENOMEM, "write the plan");
}

/* ---- the job -------------------------------------------------------------------------- */

static int open_run(struct offboard *run, const char *name, struct dv_error *err)
{
	int r = env_init(&run->env, "/", err);

	if (r == 0)
		r = ledger_open(&run->ledger, &run->env, LEDGER_WRITE, LEDGER_BUSY_MS, err);
	return r < 0 ? r : people_get(run->ledger, name, &run->person, err);
}

static int note(struct offboard *run, const char *instance, int result, const char *text,
		bool is_archive, struct dv_error *err)
{
	int priority = result < 0 ? LOG_WARNING : LOG_NOTICE;
	char key[128];
	int r;

	(void)snprintf(key, sizeof(key), KEY_PREFIX "%s", instance);
	r = installs_put(run->ledger, key, result == 0, text, err);
	if (r < 0 || !is_archive)
		return r;
	log_write(priority, &(struct log_fields){ .user = run->person.name, .step = "offboard" },
		  "%s", text);
	return events_add(run->ledger, run->env.wall_usec(&run->env), priority, run->person.name,
			  "offboard", text, err);
}

int job_offboard(int argc, char **argv)
{
	DV_CLEANUP(offboard_done) struct offboard run = { .env = ENV_EMPTY };
	bool is_archive = argc == 2 && str_starts_with(argv[1], INSTANCE_ARCHIVE);
	bool is_plan = argc == 2 && str_starts_with(argv[1], INSTANCE_PLAN);
	const char *name = is_archive || is_plan ? strchr(argv[1], '-') + 1 : "";
	DV_AUTO_FREE char *plan = NULL;
	char done[ERROR_MAX_BYTES] = "";
	struct dv_error err = { "" }, why = { "" };
	int r, result;

	if (!str_is_user_name(name)) {
		log_error("usage: devvm-job offboard plan-USER|archive-USER");
		return JOB_USAGE;
	}
	r = open_run(&run, name, &err);
	if (r < 0) {
		log_error("offboard: %s", err.text);
		return JOB_FAILED;
	}
	result = offboard_look(&run, &why);
	if (result == 0)
		result = is_archive ? offboard_archive(&run, done, &why)
				    : write_plan(&run, &plan, &why);
	r = note(&run, argv[1], result,
		 result < 0   ? why.text
		 : is_archive ? done
			      : plan,
		 is_archive, &err);
	if (r < 0)
		log_error("offboard: %s", err.text);
	return r < 0 || result < 0 ? JOB_FAILED : JOB_OK;
}
