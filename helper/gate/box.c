/* box.c - see box.h. */
#include "gate/box.h"

#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/clock.h"

#define STEP_MS 20
#define SWEEP_MS 5000
#define EXEC_FAILED 127
#define OOM_FIRST "1000" /* proc_pid_oom_score_adj(5): before anything else */

int box_init(struct box *box, struct dv_error *err)
{
	if (box->uid == 0)
		return dv_refuse(err, -EPERM, "nothing is checked as root");
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return dv_fail(err, -errno, "become a subreaper");
	return 0;
}

static bool is_own_account(const struct box *box)
{
	return box->uid == geteuid();
}

/* In the child. Nothing is left of the checker's rights: a uid that is not 0 before keeps its
 * capabilities over setresuid(2), so they are dropped by hand. */
static int become_account(const struct box *box)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	if (is_own_account(box))
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(box->gid, box->gid, box->gid) < 0 ||
	    setresuid(box->uid, box->uid, box->uid) < 0 ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_capset, &header, none) < 0)
		return -errno;
	/* A change of uid clears it: prctl(2), PR_SET_PDEATHSIG. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	/* The way back is closed, or nothing of it is run. */
	return setresuid((uid_t)-1, 0, (uid_t)-1) == 0 || geteuid() != box->uid ? -EPERM : 0;
}

static void be_killed_first(void)
{
	DV_AUTO_CLOSE int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	/* Not there in a strict sandbox: then size decides, and a server is the largest. */
	if (fd >= 0)
		DV_IGNORE(write(fd, OOM_FIRST, strlen(OOM_FIRST)));
}

static _Noreturn void become_program(const struct box *box, const char *const *argv, int output_fd)
{
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	(void)setsid();
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	be_killed_first();
	if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 ||
	    dup2(output_fd < 0 ? null_fd : output_fd, STDOUT_FILENO) < 0)
		_exit(EXEC_FAILED);
	(void)close_range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC);
	if (become_account(box) < 0 || chdir(box->folder) < 0)
		_exit(EXEC_FAILED);
	(void)execve(argv[0], (char *const *)argv, (char *const *)box->envp);
	_exit(EXEC_FAILED);
}

int box_start(struct box *box, const char *const *argv, struct dv_error *err)
{
	pid_t pid = fork();

	if (pid < 0)
		return dv_fail(err, -errno, "fork for %s", argv[0]);
	if (pid == 0)
		become_program(box, argv, -1);
	box->server = pid;
	box->status = 0;
	return 0;
}

bool box_is_running(struct box *box)
{
	struct rusage usage;
	pid_t got;

	if (box->server <= 0)
		return false;
	got = wait4(box->server, &box->status, WNOHANG, &usage);
	if (got == 0 || (got < 0 && errno == EINTR))
		return true;
	if (got > 0 && (uint32_t)usage.ru_maxrss > box->memory_kib)
		box->memory_kib = (uint32_t)usage.ru_maxrss;
	box->server = 0;
	return false;
}

static bool wait_end(struct box *box, int64_t deadline_ms)
{
	while (box_is_running(box)) {
		if (clock_left_ms(deadline_ms) == 0)
			return false;
		(void)poll(NULL, 0, STEP_MS);
	}
	return true;
}

void box_stop(struct box *box, int64_t deadline_ms, bool *ret_in_time)
{
	*ret_in_time = true;
	if (!box_is_running(box))
		return;
	(void)kill(box->server, SIGTERM);
	*ret_in_time = wait_end(box, deadline_ms);
	if (*ret_in_time)
		return;
	(void)kill(box->server, SIGKILL);
	DV_IGNORE(wait_end(box, clock_deadline_ms(SWEEP_MS)));
}

void box_describe_end(const struct box *box, char ret_text[static BOX_END_BYTES])
{
	if (WIFSIGNALED(box->status))
		(void)snprintf(ret_text, BOX_END_BYTES, "was ended by signal %d",
			       WTERMSIG(box->status));
	else
		(void)snprintf(ret_text, BOX_END_BYTES, "exited with status %d",
			       WEXITSTATUS(box->status));
}

/* All processes of the account, wherever they have got to. Never as the caller's own. */
static void kill_account(const struct box *box)
{
	pid_t pid;

	if (is_own_account(box))
		return;
	pid = fork();
	if (pid == 0) {
		if (become_account(box) == 0 && geteuid() == box->uid && box->uid != 0)
			(void)kill(-1, SIGKILL);
		_exit(0);
	}
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
}

uint32_t box_sweep(struct box *box)
{
	int64_t deadline_ms = clock_deadline_ms(SWEEP_MS);
	uint32_t n_left = 0;
	pid_t pid;

	if (box->server > 0) {
		(void)kill(box->server, SIGKILL);
		DV_IGNORE(wait_end(box, deadline_ms));
	}
	/* What has ended already was not left behind. */
	do {
		pid = waitpid(-1, NULL, WNOHANG);
	} while (pid > 0);
	while (pid == 0 && clock_left_ms(deadline_ms) > 0) {
		kill_account(box);
		(void)poll(NULL, 0, STEP_MS);
		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			n_left++;
		if (is_own_account(box))
			break; /* not ours to kill */
	}
	return n_left;
}

/* To its end or to the deadline; what it left holding the pipe is not waited for. */
static int collect(pid_t pid, int fd, int64_t deadline_ms, char *ret_output, size_t n_output)
{
	size_t n_kept = 0;
	bool has_ended = false;
	char chunk[4096];
	ssize_t n;

	for (;;) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };
		int n_ready = poll(&ready, 1, STEP_MS);

		n = n_ready > 0 ? read(fd, chunk, sizeof(chunk)) : -1;
		if (n > 0) {
			size_t n_room = n_output - 1 - n_kept;

			n_room = (size_t)n < n_room ? (size_t)n : n_room;
			memcpy(ret_output + n_kept, chunk, n_room);
			n_kept += n_room;
		}
		explicit_bzero(chunk, sizeof(chunk));
		ret_output[n_kept] = '\0';
		if (has_ended && n <= 0)
			return 0;
		if (n == 0)
			(void)poll(NULL, 0, STEP_MS); /* closed its output, and goes on */
		if (!has_ended)
			has_ended = waitpid(pid, NULL, WNOHANG) != 0;
		if (clock_left_ms(deadline_ms) == 0)
			break;
	}
	if (!has_ended) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	}
	return has_ended ? 0 : -ETIMEDOUT;
}

int box_run(const struct box *box, const char *const *argv, int64_t deadline_ms, char *ret_output,
	    size_t n_output, struct dv_error *err)
{
	DV_AUTO_CLOSE int read_fd = -1;
	DV_AUTO_CLOSE int write_fd = -1;
	int fds[2];
	pid_t pid;
	int r;

	ret_output[0] = '\0';
	if (pipe2(fds, O_CLOEXEC) < 0)
		return dv_fail(err, -errno, "pipe for %s", argv[0]);
	read_fd = fds[0];
	write_fd = fds[1];
	pid = fork();
	if (pid < 0)
		return dv_fail(err, -errno, "fork for %s", argv[0]);
	if (pid == 0)
		become_program(box, argv, write_fd);
	dv_closep(&write_fd);
	write_fd = -1;
	r = collect(pid, read_fd, deadline_ms, ret_output, n_output);
	return r < 0 ? dv_refuse(err, r, "it did not end in time") : 0;
}

struct call_area {
	int result;
	struct dv_error err;
	char shared[];
};

static int wait_call(pid_t pid, int64_t deadline_ms)
{
	int status = 0;
	pid_t got;

	while ((got = waitpid(pid, &status, WNOHANG)) == 0) {
		if (clock_left_ms(deadline_ms) == 0) {
			(void)kill(pid, SIGKILL);
			(void)waitpid(pid, NULL, 0);
			return -ETIMEDOUT;
		}
		(void)poll(NULL, 0, 1);
	}
	return got == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

int box_call(const struct box *box,
	     int (*call)(void *shared, const void *input, struct dv_error *err), const void *input,
	     void *shared, size_t n_bytes, int64_t deadline_ms, struct dv_error *err)
{
	size_t n_area = sizeof(struct call_area) + n_bytes;
	struct call_area *area =
		mmap(NULL, n_area, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;
	int r;

	if (area == MAP_FAILED)
		return dv_fail(err, -errno, "map memory");
	if (n_bytes > 0)
		memcpy(area->shared, shared, n_bytes);
	pid = fork();
	if (pid == 0) {
		area->result = become_account(box);
		if (area->result == 0 && prctl(PR_SET_DUMPABLE, 0) == 0)
			area->result = call(area->shared, input, &area->err);
		_exit(0);
	}
	r = pid < 0 ? -errno : wait_call(pid, deadline_ms);
	if (r < 0)
		r = dv_fail(err, r, "look at the database");
	else if (area->result < 0)
		r = dv_refuse(err, area->result, "%.*s", ERROR_MAX_BYTES - 1, area->err.text);
	else if (n_bytes > 0)
		memcpy(shared, area->shared, n_bytes);
	(void)munmap(area, n_area);
	return r;
}
