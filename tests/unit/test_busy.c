/* test_busy.c - who uses their t3, told from logind, the kernel's tables and /proc; what cannot
 * be read is busy. */
#include "scratch.h"

#include <fcntl.h>
#include <systemd/sd-login.h>

#include "move/busy.h"

#define GROUP "sys/fs/cgroup/system.slice/system-t3\\x2dserve.slice/t3-serve@emo.service/"
#define HEADER "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n"
/* 127.0.0.1:3773 listens; 3773 = 0x0EBD. */
#define LISTENS "   0: 0100007F:0EBD 00000000:0000 0A 00000000:00000000 00:00000000 00000000\n"
#define CONNECTED "   1: 0100007F:0EBD 0100007F:A1B2 01 00000000:00000000 00:00000000 00000000\n"
#define CLIENT_OF "   2: 0100007F:A1B2 0100007F:0EBD 01 00000000:00000000 00:00000000 00000000\n"
#define WAITS "   3: 0100007F:0EBD 0100007F:A1B2 06 00000000:00000000 03:00000000 00000000\n"
#define CONNECTED6                                                                                 \
	"   0: 00000000000000000000000001000000:0EBD 00000000000000000000000001000000:A1B2 01 "    \
	"00000000:00000000\n"

/* ---- logind ---------------------------------------------------------------------------- */

static struct {
	int n_sessions;
	const char *state, *class;
} logind;

int sd_uid_get_sessions(uid_t uid, int require_active DV_UNUSED, char ***ret_sessions)
{
	char **sessions;

	assert_int_equal(uid, 1001);
	if (logind.n_sessions <= 0)
		return logind.n_sessions;
	sessions = calloc((size_t)logind.n_sessions + 1, sizeof(*sessions));
	assert_non_null(sessions);
	for (int i = 0; i < logind.n_sessions; i++)
		sessions[i] = strdup("c1");
	*ret_sessions = sessions;
	return logind.n_sessions;
}

static int answer(const char *text, char **ret_text)
{
	if (!text)
		return -ENXIO;
	*ret_text = strdup(text);
	return 0;
}

int sd_session_get_state(const char *session DV_UNUSED, char **ret_state)
{
	return answer(logind.state, ret_state);
}

int sd_session_get_class(const char *session DV_UNUSED, char **ret_class)
{
	return answer(logind.class, ret_class);
}

/* ---- processes -------------------------------------------------------------------------- */

static void process(struct scratch *scratch, int pid, const char *comm, const char *arguments,
		    size_t n_arguments, unsigned int ticks)
{
	char path[64], text[256];
	int fd;

	(void)snprintf(path, sizeof(path), "proc/%d/stat", pid);
	(void)snprintf(text, sizeof(text),
		       "%d (%s) S 1 2 3 4 5 6 7 8 9 10 %u 1 1 1 20 0 1 0 %d 1000 10 18446\n", pid,
		       comm, ticks, pid);
	scratch_write(scratch, path, text, 0644);
	(void)snprintf(path, sizeof(path), "proc/%d/cmdline", pid);
	scratch_write(scratch, path, "", 0644);
	fd = openat(scratch->env.root_dirfd, path, O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, arguments, n_arguments), n_arguments);
	(void)close(fd);
}
#define PROCESS(scratch, pid, comm, arguments, ticks)                                              \
	process(scratch, pid, comm, arguments, sizeof(arguments), ticks)

/* A server at rest: pid 100, started first, whose CPU is of no interest. */
static int setup(void **state)
{
	int r = scratch_setup(state);
	struct scratch *scratch = *state;

	memset(&logind, 0, sizeof(logind));
	scratch_write(scratch, GROUP "cgroup.procs", "100\n", 0644);
	PROCESS(scratch, 100, "MainThread", "node\0/opt/devvm/t3/bin.mjs\0serve", 99999);
	scratch_write(scratch, "proc/net/tcp", HEADER LISTENS CLIENT_OF WAITS, 0444);
	scratch_write(scratch, "proc/net/tcp6", HEADER, 0444);
	return r;
}

static struct busy_answer look_again(struct scratch *scratch, int64_t ticks_before)
{
	const struct busy_question question = { .env = &scratch->env,
						.unit = "t3-serve@emo.service",
						.uid = 1001,
						.port = 3773,
						.has_looked = ticks_before >= 0,
						.agent_ticks = ticks_before,
						.agent_start = 110 };
	struct busy_answer answer;

	busy_look(&question, &answer);
	return answer;
}

static void assert_busy(struct scratch *scratch, const char *why)
{
	struct busy_answer answer = look_again(scratch, 0);

	assert_string_equal(answer.why, why);
	assert_int_equal(answer.verdict, *why ? BUSY_BUSY : BUSY_IDLE);
}

static void a_server_at_rest_is_idle(void **state)
{
	struct scratch *scratch = *state;

	assert_busy(scratch, "");
	assert_string_equal(look_again(scratch, -1).why, "");
}

static void a_session_is_somebody(void **state)
{
	struct scratch *scratch = *state;

	logind.n_sessions = 1;
	logind.state = "active";
	logind.class = "user";
	assert_busy(scratch, "session c1 is open");
	logind.state = "online";
	assert_busy(scratch, "session c1 is open");
	logind.state = "closing"; /* tmux is left of it */
	assert_busy(scratch, "");
	logind.state = "online";
	logind.class = "manager"; /* user@1001.service, from systemd 256 on */
	assert_busy(scratch, "");
	logind.state = NULL;
	assert_busy(scratch, "session c1 is open");
}

static void a_logind_that_fails_is_busy_and_one_that_knows_nobody_is_not(void **state)
{
	logind.n_sessions = -ENXIO;
	assert_busy(*state, "");
	logind.n_sessions = -EIO;
	assert_busy(*state, "logind: Input/output error");
}

static void a_connection_is_somebody(void **state)
{
	struct scratch *scratch = *state;

	scratch_write(scratch, "proc/net/tcp", HEADER LISTENS CONNECTED, 0444);
	assert_busy(scratch, "port 3773 has a connection");
	scratch_write(scratch, "proc/net/tcp", HEADER LISTENS, 0444);
	scratch_write(scratch, "proc/net/tcp6", HEADER CONNECTED6, 0444);
	assert_busy(scratch, "port 3773 has a connection");
}

static void tables_that_cannot_be_read_are_busy(void **state)
{
	struct scratch *scratch = *state;
	int root_fd = scratch->env.root_dirfd;

	assert_int_equal(unlinkat(root_fd, "proc/net/tcp6", 0), 0);
	assert_busy(scratch, ""); /* a machine without IPv6 */
	assert_int_equal(unlinkat(root_fd, "proc/net/tcp", 0), 0);
	assert_busy(scratch, "open proc/net/tcp: No such file or directory");
}

static void assert_agents(struct scratch *scratch, int64_t ticks_before, enum busy_verdict verdict,
			  const char *why)
{
	struct busy_answer answer = look_again(scratch, ticks_before);

	assert_string_equal(answer.why, why);
	assert_int_equal(answer.verdict, verdict);
}

static void an_agent_is_busy_when_it_has_worked_since_the_last_look(void **state)
{
	struct scratch *scratch = *state;

	scratch_write(scratch, GROUP "cgroup.procs", "120\n100\n110\n", 0644);
	PROCESS(scratch, 110, "claude", "claude", 500);
	PROCESS(scratch, 120, "make", "make", 70);
	assert_int_equal(look_again(scratch, -1).agent_ticks, 570 + 6);
	assert_int_equal(look_again(scratch, -1).agent_start, 110);
	assert_agents(scratch, 300, BUSY_BUSY, "an agent is at work");
	assert_agents(scratch, 570, BUSY_IDLE, "");
	assert_agents(scratch, 576, BUSY_IDLE, "");
}

static void of_a_new_agent_nobody_can_tell(void **state)
{
	struct scratch *scratch = *state;

	scratch_write(scratch, GROUP "cgroup.procs", "100\n110\n", 0644);
	PROCESS(scratch, 110, "claude", "claude", 50);
	assert_agents(scratch, -1, BUSY_UNSURE, "an agent may be at work");   /* the first look */
	assert_agents(scratch, 9000, BUSY_UNSURE, "an agent may be at work"); /* one has ended */
	scratch_write(scratch, GROUP "cgroup.procs", "100\n110\n120\n", 0644);
	PROCESS(scratch, 120, "codex", "codex", 1);
	assert_agents(scratch, 53, BUSY_UNSURE, "an agent may be at work"); /* another */
	PROCESS(scratch, 120, "codex", "codex", 300);
	assert_agents(scratch, 53, BUSY_BUSY, "an agent is at work");
}

static void an_agent_is_known_by_its_program_too(void **state)
{
	static const char work[] = "an agent is at work";
	struct scratch *scratch = *state;

	scratch_write(scratch, GROUP "cgroup.procs", "100\n110\n", 0644);
	PROCESS(scratch, 110, "MainThread", "node\0/home/emo/.npm/claude-code/cli.js", 500);
	assert_agents(scratch, 0, BUSY_BUSY, work);
	PROCESS(scratch, 110, "a) S (b", "/usr/bin/opencode\0serve", 500);
	assert_agents(scratch, 0, BUSY_BUSY, work);
	PROCESS(scratch, 110, "codex", "", 500);
	assert_agents(scratch, 0, BUSY_BUSY, work);
	PROCESS(scratch, 110, "vim", "vim\0notes", 500);
	assert_agents(scratch, 0, BUSY_IDLE, "");
}

static void processes_that_cannot_be_read_are_busy(void **state)
{
	struct scratch *scratch = *state;

	scratch_write(scratch, GROUP "cgroup.procs", "100\n130\n", 0644);
	assert_busy(scratch, ""); /* it has just ended */
	scratch_write(scratch, "proc/130/stat", "130 nonsense\n", 0644);
	scratch_write(scratch, "proc/130/cmdline", "", 0644);
	assert_busy(scratch, "its processes: Invalid argument");
	scratch_write(scratch, GROUP "cgroup.procs", "", 0644);
	assert_busy(scratch, "its processes: its cgroup is empty");
	assert_int_equal(unlinkat(scratch->env.root_dirfd, GROUP "cgroup.procs", 0), 0);
	assert_busy(scratch, "its processes: open cgroup.procs: No such file or directory");
}

static void assert_agent(struct scratch *scratch, bool expected)
{
	bool has = !expected;

	assert_ok(scratch,
		  busy_find_agent(&scratch->env, "t3-serve@emo.service", &has, &scratch->err));
	assert_int_equal(has, expected);
}

static void an_agent_is_found_whatever_it_does(void **state)
{
	struct scratch *scratch = *state;
	bool has = false;

	assert_agent(scratch, false);
	scratch_write(scratch, GROUP "cgroup.procs", "100\n110\n", 0644);
	PROCESS(scratch, 110, "vim", "vim\0notes", 500);
	assert_agent(scratch, false);
	PROCESS(scratch, 110, "codex", "codex\0app-server", 0);
	assert_agent(scratch, true);
	scratch_write(scratch, GROUP "below/cgroup.procs", "120\n", 0644);
	scratch_write(scratch, GROUP "cgroup.procs", "100\n", 0644);
	PROCESS(scratch, 120, "claude", "claude", 0);
	assert_agent(scratch, true);
	scratch_write(scratch, "proc/120/stat", "120 nonsense\n", 0644);
	assert_int_equal(busy_find_agent(&scratch->env, "t3-serve@emo.service", &has,
					 &scratch->err),
			 -EINVAL);
	assert_contains(scratch->err.text, "Invalid argument");
	assert_int_equal(busy_find_agent(&scratch->env, "t3-serve@ben.service", &has,
					 &scratch->err),
			 -ENOENT);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_server_at_rest_is_idle),
		TEST(a_session_is_somebody),
		TEST(a_logind_that_fails_is_busy_and_one_that_knows_nobody_is_not),
		TEST(a_connection_is_somebody),
		TEST(tables_that_cannot_be_read_are_busy),
		TEST(an_agent_is_busy_when_it_has_worked_since_the_last_look),
		TEST(of_a_new_agent_nobody_can_tell),
		TEST(an_agent_is_known_by_its_program_too),
		TEST(processes_that_cannot_be_read_are_busy),
		TEST(an_agent_is_found_whatever_it_does),
	};

	return cmocka_run_group_tests_name("busy", tests, NULL, NULL);
}
