/* guard.c - see guard.h. The child speaks over a pipe: one byte when it begins to apply,
 * then the result struct. */
#include "job/guard.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "steps/facts.h"

#define MESSAGE_APPLYING 'a'
#define MESSAGE_RESULT 'r'

struct guard_message {
	char kind;
	struct guard_result result; /* of MESSAGE_RESULT */
};

/* Our own child writes to our own socket pair: a message it cannot send is one the parent
 * no longer waits for. */
static void say(int fd, const struct guard_message *message)
{
	(void)send(fd, message, sizeof(*message), MSG_NOSIGNAL);
}

static int run_step(const struct step *step, struct step_context *context, int fd,
		    struct guard_result *result)
{
	struct guard_message applying = { .kind = MESSAGE_APPLYING };
	int r = step->check(context, &result->verdict, result->what, &result->err);

	if (r < 0 || result->verdict != STEP_DIFFERS) {
		result->what[0] = '\0';
		return r;
	}
	say(fd, &applying);
	result->applied = true;
	r = step->apply(context, &result->err);
	if (r == 0) {
		char again[STEP_WHAT_BYTES] = "";

		r = step->check(context, &result->verdict, again, &result->err);
		if (r == 0 && result->verdict == STEP_DIFFERS)
			r = dv_refuse(&result->err, -EIO, "it was done and still differs: %s",
				      again);
	}
	return r;
}

static _Noreturn void run_child(const struct env *env, const struct home_work *work,
				const struct step *step, int fd)
{
	struct guard_message message = { .kind = MESSAGE_RESULT };
	struct guard_result *result = &message.result;
	struct home_work own = *work;
	struct step_context context = { .env = env, .config = work->config, .home = &own };
	int r = 0;

	(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	own.home_fd = open(work->home, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (own.home_fd < 0)
		r = dv_fail(&result->err, -errno, "open the home %s", work->home);
	if (r == 0)
		r = run_step(step, &context, fd, result);
	if (r == 0 && step->check == facts_check)
		r = facts_look(&own, &result->login, &result->err);
	if (r < 0 && !*result->err.text)
		DV_IGNORE(dv_fail(&result->err, r, "%s", step->name));
	say(fd, &message);
	_exit(0);
}

static void listen_to(int fd, const struct step *step, guard_on_apply on_apply, void *context,
		      struct guard_result *ret_result)
{
	int64_t deadline_ms = clock_deadline_ms(step->deadline_ms);

	for (;;) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };
		int n_ready = poll(&ready, 1, clock_left_ms(deadline_ms));
		struct guard_message message;
		ssize_t n;

		if (n_ready < 0 && errno == EINTR)
			continue;
		if (n_ready <= 0) {
			DV_IGNORE(dv_refuse(&ret_result->err, -ETIMEDOUT,
					    "it did not end within %lld seconds",
					    (long long)step->deadline_ms / 1000));
			return;
		}
		n = recv(fd, &message, sizeof(message), 0);
		if (n != (ssize_t)sizeof(message)) {
			DV_IGNORE(dv_refuse(&ret_result->err, -EIO, "it ended without a result"));
			return;
		}
		if (message.kind == MESSAGE_RESULT) {
			*ret_result = message.result;
			return;
		}
		on_apply(context, step);
	}
}

void guard_run(const struct env *env, const struct home_work *work, const struct step *step,
	       guard_on_apply on_apply, void *context, struct guard_result *ret_result)
{
	DV_AUTO_CLOSE int parent_fd = -1;
	int fds[2];
	pid_t pid;

	*ret_result = (struct guard_result){ 0 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
		DV_IGNORE(dv_fail(&ret_result->err, -errno, "socketpair"));
		return;
	}
	parent_fd = fds[0];
	pid = fork();
	if (pid == 0)
		run_child(env, work, step, fds[1]);
	dv_closep(&fds[1]);
	if (pid < 0) {
		DV_IGNORE(dv_fail(&ret_result->err, -errno, "fork"));
		return;
	}
	listen_to(parent_fd, step, on_apply, context, ret_result);
	(void)kill(-pid, SIGKILL); /* whatever it left behind in its group, too */
	(void)kill(pid, SIGKILL);
	/* One that hangs in the kernel cannot be reaped now; systemd ends the unit's cgroup. */
	(void)waitpid(pid, NULL, WNOHANG);
}
