/* process.c - see process.h. */
#include "base/process.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"

#define EXEC_FAILED 127 /* the shell's own word for it */
#define REAP_STEP_MS 5

static _Noreturn void become(const struct process_spec *spec, int output_fd)
{
	/* Where input cannot be had there is nothing to read: the program sees EBADF. */
	int input_fd = open(spec->input_path ? spec->input_path : "/dev/null", O_RDONLY);
	sigset_t none;

	(void)setpgid(0, 0);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)dup2(input_fd, STDIN_FILENO);
	if (dup2(output_fd, STDOUT_FILENO) < 0 || dup2(output_fd, STDERR_FILENO) < 0)
		_exit(EXEC_FAILED);
	/* Nothing else of ours is the program's: not input_fd, not what a library left open. A
	 * kernel before 5.11 refuses the flag; then those with CLOEXEC are closed all the same. */
	(void)close_range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC);
	if (spec->working_folder && chdir(spec->working_folder) < 0) {
		dprintf(STDERR_FILENO, "chdir %s: %s\n", spec->working_folder, strerror(errno));
		_exit(EXEC_FAILED);
	}
	if (spec->envp)
		(void)execvpe(spec->argv[0], (char *const *)spec->argv, (char *const *)spec->envp);
	else
		(void)execvp(spec->argv[0], (char *const *)spec->argv);
	dprintf(STDERR_FILENO, "%s: %s\n", spec->argv[0], strerror(errno));
	_exit(EXEC_FAILED);
}

/* Read until the writers are gone (0) or the deadline has passed (-ETIMEDOUT). */
static int collect(int fd, const struct process_spec *spec, struct process_result *result)
{
	size_t n_kept = 0;

	for (;;) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };
		int n_ready = poll(&ready, 1, clock_left_ms(spec->deadline_ms));
		char chunk[4096];
		ssize_t n;
		size_t n_room = PROCESS_OUTPUT_MAX - n_kept;

		if (n_ready < 0 && errno == EINTR)
			continue;
		if (n_ready < 0)
			return -errno;
		if (n_ready == 0)
			return -ETIMEDOUT;
		n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		if (spec->on_output) {
			spec->on_output(spec->context, chunk, (size_t)n);
			continue;
		}
		if ((size_t)n < n_room)
			n_room = (size_t)n;
		memcpy(result->output + n_kept, chunk, n_room);
		n_kept += n_room;
		result->output[n_kept] = '\0';
	}
}

/* Output can end before the process does (it closed its streams), so the wait has
 * the deadline too. */
static int reap(pid_t pid, int64_t deadline_ms, struct process_result *result)
{
	int status = 0;

	for (;;) {
		pid_t got = waitpid(pid, &status, result->timed_out ? 0 : WNOHANG);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == pid)
			break;
		if (clock_left_ms(deadline_ms) == 0) {
			result->timed_out = true;
			(void)kill(-pid, SIGKILL);
			(void)kill(pid, SIGKILL);
			continue;
		}
		(void)poll(NULL, 0, REAP_STEP_MS);
	}
	result->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	result->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	return 0;
}

int process_run(const struct process_spec *spec, struct process_result *ret_result,
		struct dv_error *err)
{
	DV_AUTO_CLOSE int read_fd = -1;
	DV_AUTO_CLOSE int write_fd = -1;
	int pipe_fds[2];
	pid_t pid;
	int r;

	ret_result->exit_status = -1;
	ret_result->signal = 0;
	ret_result->timed_out = false;
	ret_result->output[0] = '\0';
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return dv_fail(err, -errno, "pipe for %s", spec->argv[0]);
	read_fd = pipe_fds[0];
	write_fd = pipe_fds[1];
	pid = fork();
	if (pid < 0)
		return dv_fail(err, -errno, "fork for %s", spec->argv[0]);
	if (pid == 0)
		become(spec, write_fd);
	(void)setpgid(pid, pid); /* whichever of the two is first */
	dv_closep(&write_fd);
	write_fd = -1;

	r = collect(read_fd, spec, ret_result);
	if (r < 0) {
		ret_result->timed_out = r == -ETIMEDOUT;
		(void)kill(-pid, SIGKILL);
		(void)kill(pid, SIGKILL); /* it may not have reached its setpgid */
	}
	r = reap(pid, spec->deadline_ms, ret_result);
	if (r < 0)
		return dv_fail(err, r, "wait for %s", spec->argv[0]);
	return 0;
}

/* The last line that says something, in place. */
static const char *last_line(char *output)
{
	size_t n = strlen(output);
	char *newline;

	while (n > 0 && (output[n - 1] == '\n' || output[n - 1] == ' '))
		output[--n] = '\0';
	newline = strrchr(output, '\n');
	return newline ? newline + 1 : output;
}

int process_run_ok(const struct process_spec *spec, struct dv_error *err)
{
	DV_AUTO_FREE struct process_result *result = malloc(sizeof(*result));
	const char *said;
	int r;

	if (!result)
		return dv_fail(err, -ENOMEM, "run %s", spec->argv[0]);
	r = process_run(spec, result, err);
	if (r < 0)
		return r;
	if (!result->timed_out && result->exit_status == 0)
		return 0;
	said = last_line(result->output);
	if (result->timed_out)
		return dv_refuse(err, -ETIMEDOUT, "%s did not end in time%s%s", spec->argv[0],
				 *said ? "; its last words: " : "", said);
	if (result->signal)
		return dv_refuse(err, -EIO, "%s was ended by signal %d%s%s", spec->argv[0],
				 result->signal, *said ? ": " : "", said);
	return dv_refuse(err, -EIO, "%s exited with status %d%s%s", spec->argv[0],
			 result->exit_status, *said ? ": " : "", said);
}
