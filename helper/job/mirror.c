/* mirror.c - devvm-job mirror NAME: one run of one mirror.
 *
 * Runs in devvm-mirror@NAME as the account devvm-mirror, for what comes from a network is not root's
 * to parse. Three calls of rclone: how many files the source has (none: refused), what a sync would
 * delete (more than max_delete: refused), and the sync. Only the last changes anything, and only
 * below the destination; for the race between counting and syncing it has max_delete as its limit,
 * too. Whatever the end was, it is told to root in a file (steps/mirror_result.h), and a run that
 * was told is no failure of the unit.
 */
#include "job/jobs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/process.h"
#include "job/rclone.h"
#include "steps/mirror_result.h"

#define DEADLINE_MS (55 * 60000) /* below the unit's own */
#define CREDENTIAL "credential"
#define CREDENTIAL_MAX_BYTES 65536
#define CONFIG_FILE "rclone.conf"
#define PATH_BYTES 512

struct mirror {
	struct env env;
	struct config config;
	const struct config_mirror *row; /* of config */
	int state_fd;
	int64_t deadline_ms;
	char config_path[PATH_BYTES], key_path[PATH_BYTES];
	char source[RCLONE_SOURCE_BYTES];
	struct mirror_result result;
	struct process_result *process;
	struct rclone_log *log;
};

static void mirror_done(struct mirror *run)
{
	if (run->process)
		explicit_bzero(run->process, sizeof(*run->process));
	free(run->process);
	free(run->log);
	dv_closep(&run->state_fd);
	config_done(&run->config);
	env_done(&run->env);
}

/* ---- before --------------------------------------------------------------------------- */

static int open_state(struct mirror *run, const char *name, struct dv_error *err)
{
	char path[PATH_BYTES];

	(void)snprintf(path, sizeof(path), "/" MIRROR_STATE_FOLDER "/%s", name);
	run->state_fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (run->state_fd < 0)
		return dv_fail(err, -errno, "open %s, which devvm-mirror@%s.service has", path,
			       name);
	return file_remove(run->state_fd, MIRROR_RESULT, err);
}

static int check_destination(const struct mirror *run, struct dv_error *err)
{
	const char *path = run->row->destination;
	DV_AUTO_CLOSE int fd =
		file_open_beneath(run->env.root_dirfd, path + 1, O_RDONLY | O_DIRECTORY, 0, err);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return dv_fail(err, -errno, "look at %s", path);
	if (st.st_uid != geteuid())
		return dv_refuse(err, -EPERM, "%s does not belong to " MIRROR_ACCOUNT, path);
	return 0;
}

/* rclone's own form of a password, which keeps it from a glance and from nobody else. */
static int obscure(struct mirror *run, char *ret_text, size_t n_text, struct dv_error *err)
{
	static const char *const argv[] = { "rclone", "obscure", "-", NULL };
	int r = process_run(&(struct process_spec){ .argv = argv,
						    .input_path = run->key_path,
						    .deadline_ms = run->deadline_ms },
			    run->process, err);
	size_t n;

	if (r < 0)
		return r;
	n = strcspn(run->process->output, "\r\n");
	if (run->process->exit_status != 0 || n == 0 || n >= n_text)
		return dv_refuse(err, -EIO,
				 "rclone does not take the password: is the secret %s one line "
				 "with the password alone?",
				 run->row->secret);
	(void)snprintf(ret_text, n_text, "%.*s", (int)n, run->process->output);
	return 0;
}

static int find_credential(struct mirror *run, struct dv_error *err)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	DV_AUTO_SECRET struct secret value = { 0 };
	int r;

	if (!folder || folder[0] != '/')
		return dv_refuse(err, -ENOENT, "systemd gives no credentials");
	(void)snprintf(run->key_path, sizeof(run->key_path), "%s/" CREDENTIAL, folder);
	r = secret_read(AT_FDCWD, run->key_path, CREDENTIAL_MAX_BYTES, &value, err);
	if (r == 0 && strspn(value.text, " \t\r\n") == value.n_bytes)
		r = dv_refuse(err, -ENODATA, "the secret %s is empty", run->row->secret);
	return r;
}

static int write_config(struct mirror *run, struct dv_error *err)
{
	const char *folder = getenv("RUNTIME_DIRECTORY");
	char obscured[PATH_BYTES] = "";
	DV_AUTO_SECRET struct secret text = { 0 };
	int r = 0;

	if (!folder || folder[0] != '/')
		return dv_refuse(err, -ENOENT, "systemd gives no runtime folder");
	(void)snprintf(run->config_path, sizeof(run->config_path), "%s/" CONFIG_FILE, folder);
	if (run->row->secret)
		r = find_credential(run, err);
	if (r == 0 && run->row->secret && run->row->type == CONFIG_MIRROR_WEBDAV)
		r = obscure(run, obscured, sizeof(obscured), err);
	if (r == 0)
		r = rclone_config(run->row, run->key_path, *obscured ? obscured : NULL, &text, err);
	explicit_bzero(obscured, sizeof(obscured));
	if (r < 0)
		return r;
	return file_replace(AT_FDCWD, run->config_path,
			    &(struct file_spec){ .data = text.text,
						 .n_bytes = text.n_bytes,
						 .mode = 0600,
						 .uid = (uid_t)-1,
						 .gid = (gid_t)-1 },
			    err);
}

/* ---- the calls ------------------------------------------------------------------------ */

/* `words` are the command and its own options; what every call has is added. -EIO when it did not
 * end well: what it said is in run->log. */
static int call(struct mirror *run, const char *const *words, struct dv_error *err)
{
	static const char *const environment[] = { "PATH=/usr/bin:/bin", "LANG=C.UTF-8",
						   "HOME=/nonexistent", NULL };
	const char *argv[32] = { "rclone" };
	const char *const common[] = { "--config",
				       run->config_path,
				       "--use-json-log",
				       "--log-level",
				       "ERROR",
				       "--stats",
				       "24h",
				       "--stats-log-level",
				       "ERROR",
				       "--retries",
				       "1",
				       "--low-level-retries",
				       "3",
				       "--contimeout",
				       "20s",
				       "--timeout",
				       "2m",
				       "--skip-links" };
	size_t n = 1;
	int r;

	for (size_t i = 0; i < DV_COUNT(common); i++)
		argv[n++] = common[i];
	for (size_t i = 0; words[i]; i++)
		argv[n++] = words[i];
	*run->log = (struct rclone_log){ 0 };
	r = process_run(&(struct process_spec){ .argv = argv,
						.envp = environment,
						.on_output = rclone_log_feed,
						.context = run->log,
						.deadline_ms = run->deadline_ms },
			run->process, err);
	rclone_log_end(run->log);
	if (r < 0)
		return r;
	if (run->process->timed_out)
		return dv_refuse(err, -ETIMEDOUT,
				 "it did not end within %d minutes; the next run goes on",
				 DEADLINE_MS / 60000);
	if (run->process->exit_status == 127)
		return dv_refuse(err, -ENOENT, "there is no rclone: apt install rclone");
	if (run->process->signal)
		return dv_refuse(err, -EIO, "rclone was ended by signal %d", run->process->signal);
	return run->process->exit_status == 0
		       ? 0
		       : dv_refuse(err, -EIO, "%s", rclone_log_why(run->log));
}

static int refuse_empty(struct mirror *run, struct dv_error *err)
{
	const char *const words[] = { "size", "--json", run->source, NULL };
	int r = call(run, words, err);

	if (r < 0)
		return r == -EIO ? dv_prefix(err, r, "the source cannot be read") : r;
	if (!run->log->has_size)
		return dv_refuse(err, -EBADMSG, "rclone does not say how much the source has");
	if (run->log->n_files == 0)
		return dv_refuse(err, -ENODATA,
				 "the source has no files: is it mounted, is it the right one?");
	return 0;
}

static int refuse_deletions(struct mirror *run, struct dv_error *err)
{
	const char *const words[] = { "sync",	   "--dry-run",		  "--delete-after",
				      run->source, run->row->destination, NULL };
	int r = call(run, words, err);

	if (r < 0)
		return r == -EIO ? dv_prefix(err, r, "source and destination cannot be compared")
				 : r;
	if (!run->log->has_stats)
		return dv_refuse(err, -EBADMSG, "rclone does not say what it would delete");
	if (run->log->deleted > run->row->max_delete)
		return dv_refuse(err, -EOVERFLOW,
				 "%lld files would be deleted and max_delete is %u: look at the "
				 "source, and raise mirrors.%s.max_delete if that is right",
				 (long long)run->log->deleted, run->row->max_delete,
				 run->row->head.name);
	return 0;
}

static int synchronise(struct mirror *run, struct dv_error *err)
{
	char limit[16];
	/* Deleted last, and not at all where something could not be read or copied. One writer a
	 * file: what a kill leaves behind is shorter than it should be and is copied again. */
	const char *const words[] = { "sync",	   "--delete-after",	     "--max-delete",
				      limit,	   "--multi-thread-streams", "0",
				      run->source, run->row->destination,    NULL };
	int r;

	(void)snprintf(limit, sizeof(limit), "%u", run->row->max_delete);
	r = call(run, words, err);
	if (run->log->has_stats) {
		run->result.checked = run->log->checked;
		run->result.copied = run->log->copied;
		run->result.errors = run->log->errors;
		run->result.bytes = run->log->bytes;
		/* It counts the one that its limit has kept it from. */
		run->result.deleted = run->log->deleted > run->row->max_delete
					      ? run->row->max_delete
					      : run->log->deleted;
	}
	return r == 0 && !run->log->has_stats ? dv_refuse(err, -EBADMSG, "rclone counts nothing")
					      : r;
}

static int run_mirror(struct mirror *run, const char *name, struct dv_error *err)
{
	int r = env_init(&run->env, "/", err);

	if (r == 0)
		r = open_state(run, name, err);
	if (r == 0)
		r = config_load(&run->config, &run->env, err);
	if (r < 0)
		return r;
	run->row = config_mirror_find(&run->config, name);
	if (!run->row)
		return dv_refuse(err, -ENOENT, "there is no mirrors.%s in devvm.yaml", name);
	rclone_source(run->row, run->source);
	r = check_destination(run, err);
	if (r == 0)
		r = write_config(run, err);
	if (r == 0)
		r = refuse_empty(run, err);
	if (r == 0)
		r = refuse_deletions(run, err);
	if (r < 0)
		return r;
	run->result.state = MIRRORS_LOG_FAILED; /* from here on something may have changed */
	return synchronise(run, err);
}

int job_mirror(int argc, char **argv)
{
	DV_CLEANUP(mirror_done) struct mirror run = { .env = ENV_EMPTY, .state_fd = -1 };
	struct dv_error err = { "" };
	int r;

	if (argc != 2 || geteuid() == 0 || strchr(argv[1], '/')) {
		log_error("usage: devvm-job mirror NAME, not as root");
		return JOB_USAGE;
	}
	/* It holds a credential: no core file, no debugger but root's. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		log_warning("this process may leave a core file: %s", strerror(errno));
	(void)umask(0022);
	run.deadline_ms = clock_deadline_ms(DEADLINE_MS);
	run.result.started_usec = clock_wall_usec();
	run.result.state = MIRRORS_LOG_REFUSED;
	run.process = calloc(1, sizeof(*run.process));
	run.log = calloc(1, sizeof(*run.log));
	r = run.process && run.log ? run_mirror(&run, argv[1], &err)
				   : dv_fail(&err, -ENOMEM, "run a mirror");
	if (r == 0)
		run.result.state = MIRRORS_LOG_OK;
	(void)snprintf(run.result.text, sizeof(run.result.text), "%s", err.text);
	run.result.ended_usec = clock_wall_usec();
	if (run.result.ended_usec < run.result.started_usec)
		run.result.ended_usec = run.result.started_usec; /* the clock was set back */
	if (run.state_fd < 0 || mirror_result_write(run.state_fd, &run.result, &err) < 0) {
		log_error("mirror %s: %s", argv[1], err.text);
		return JOB_FAILED;
	}
	return JOB_OK;
}
