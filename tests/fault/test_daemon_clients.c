/* test_daemon_clients.c - the real devvm-helperd, started as systemd starts it, and clients
 * that garble, flood, stall, storm and die; and a daemon that is stopped and killed under
 * honest ones.
 *
 * Runs $DEVVM_HELPERD, or build/devvm-helperd, on a scratch folder, with no bus to reach.
 */
#include "scratch.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "fake_helper.h"
#include "wire/record.h"

#define STATUS "status\nv=1\n"
#define HONEST_MS 10000 /* within which an honest client is answered, on a busy machine */
#define MAX_RESIDENT_KB (10 * 1024)

enum which {
	PAM,
	HELPER,
	N_SOCKETS,
};

static const char *const PATHS[N_SOCKETS] = { "run/devvm/pam.sock", "run/devvm/helper.sock" };

struct fixture {
	struct scratch *scratch;
	int fds[N_SOCKETS];
	pid_t pid;
	pid_t floods[4]; /* 0 where there is none */
};

static const char *program(void)
{
	const char *named = getenv("DEVVM_HELPERD");

	return named ? named : "build/devvm-helperd";
}

/* ---- the daemon ----------------------------------------------------------------------- */

static void address_of(const struct fixture *fixture, enum which which,
		       struct sockaddr_un *ret_address)
{
	*ret_address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	(void)snprintf(ret_address->sun_path, sizeof(ret_address->sun_path), "%s/%s",
		       fixture->scratch->folder, PATHS[which]);
}

static void exec_daemon(const struct fixture *fixture, rlim_t max_files)
{
	const struct rlimit limit = { max_files, max_files };
	char pid[16];
	int high[N_SOCKETS];

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* whatever happens to the test */
	for (int i = 0; i < N_SOCKETS; i++)
		high[i] = fcntl(fixture->fds[i], F_DUPFD, 20);
	for (int i = 0; i < N_SOCKETS; i++) {
		if (dup2(high[i], 3 + i) < 0)
			_exit(126);
		(void)close(high[i]);
	}
	(void)snprintf(pid, sizeof(pid), "%d", getpid());
	(void)setenv("LISTEN_FDS", "2", 1);
	(void)setenv("LISTEN_PID", pid, 1);
	(void)setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere", 1);
	if (max_files)
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	(void)close(STDERR_FILENO); /* what it logs is of no interest here */
	(void)open("/dev/null", O_WRONLY);
	(void)execl(program(), program(), "--root", fixture->scratch->folder, NULL);
	_exit(127);
}

static void start_with(struct fixture *fixture, rlim_t max_files)
{
	fixture->pid = fork();
	assert_true(fixture->pid >= 0);
	if (fixture->pid == 0)
		exec_daemon(fixture, max_files);
}

static int reap(struct fixture *fixture)
{
	int status = -1;

	assert_int_equal(waitpid(fixture->pid, &status, 0), fixture->pid);
	fixture->pid = 0;
	return status;
}

static int listen_on(const struct fixture *fixture, enum which which)
{
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	address_of(fixture, which, &address);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(chmod(address.sun_path, 0666), 0);
	assert_int_equal(listen(fd, 4096), 0);
	return fd;
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	fixture->scratch = scratch_new();
	scratch_make_folder(fixture->scratch, ".", 0755);
	scratch_make_folder(fixture->scratch, "run/devvm/tickets", 0700);
	scratch_make_folder(fixture->scratch, "etc/devvm", 0755);
	for (int i = 0; i < N_SOCKETS; i++)
		fixture->fds[i] = listen_on(fixture, (enum which)i);
	start_with(fixture, 0);
	*state = fixture;
	return 0;
}

static void stop_floods(struct fixture *fixture);

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	stop_floods(fixture);
	if (fixture->pid > 0) {
		(void)kill(fixture->pid, SIGKILL);
		(void)reap(fixture);
	}
	for (int i = 0; i < N_SOCKETS; i++)
		(void)close(fixture->fds[i]);
	scratch_free(fixture->scratch);
	free(fixture);
	return 0;
}

static long resident_kb(const struct fixture *fixture)
{
	char path[64], line[256];
	DV_AUTO_FCLOSE FILE *file = NULL;
	long kb = -1;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", fixture->pid);
	file = fopen(path, "re");
	while (file && kb < 0 && fgets(line, sizeof(line), file))
		(void)sscanf(line, "VmRSS: %ld kB", &kb);
	return kb;
}

/* Of the daemon so far, in milliseconds. */
static long cpu_ms(const struct fixture *fixture)
{
	char path[64];
	DV_AUTO_FCLOSE FILE *file = NULL;
	unsigned long user = 0, system = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", fixture->pid);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
				&user, &system),
			 2);
	return (long)((user + system) * 1000 / (unsigned long)sysconf(_SC_CLK_TCK));
}

/* ---- clients -------------------------------------------------------------------------- */

static int connect_to(const struct fixture *fixture, enum which which)
{
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	address_of(fixture, which, &address);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say(int fd, const char *packet)
{
	/* One that was turned away or dropped is what some tests are about. */
	(void)send(fd, packet, strlen(packet), MSG_NOSIGNAL);
}

/* The next packet, its verb and all; "(silent)" past the deadline, "(closed)". */
static const char *hear(int fd, int64_t within_ms)
{
	static char packet[RECORD_MAX_BYTES + 1];
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	ssize_t n;

	if (poll(&ready, 1, (int)within_ms) <= 0)
		return "(silent)";
	n = recv(fd, packet, RECORD_MAX_BYTES, 0);
	if (n <= 0)
		return "(closed)";
	packet[n] = '\0';
	return packet;
}

static void assert_honest_is_served(const struct fixture *fixture)
{
	DV_AUTO_CLOSE int helper = connect_to(fixture, HELPER);
	DV_AUTO_CLOSE int pam = connect_to(fixture, PAM);

	say(helper, "wait\nv=1\nuser=nobody\n");
	assert_string_equal(hear(helper, HONEST_MS), "done\n");
	say(pam, "open-session\nv=1\nuser=nobody\n");
	assert_contains(hear(pam, HONEST_MS), "error\ncode=failed\n"); /* there is no bus */
}

static void add_people(struct fixture *fixture, unsigned int n_people)
{
	struct scratch *scratch = fixture->scratch;

	assert_honest_is_served(fixture); /* the daemon has made the ledger */
	scratch_open_ledger(scratch);
	assert_ok(scratch, ledger_begin(scratch->ledger, &scratch->err));
	for (unsigned int i = 0; i < n_people; i++) {
		char name[16];
		DV_AUTO_PEOPLE_ROW struct people_row row = { 0 };

		(void)snprintf(name, sizeof(name), "user%05u", i);
		row = scratch_wanted(name, i);
		row.ports[PEOPLE_PORT_PLAYWRIGHT] = 20000 + i;
		assert_ok(scratch, people_put_wanted(scratch->ledger, &row, &scratch->err));
	}
	assert_ok(scratch, ledger_commit(scratch->ledger, &scratch->err));
}

/* ---- how it is started ---------------------------------------------------------------- */

static void assert_run(const char *arguments, int status, const char *output)
{
	DV_AUTO_FREE char *command = NULL;
	char heard[4096] = "";
	FILE *pipe;

	assert_true(asprintf(&command, "env -u LISTEN_FDS %s %s 2>&1", program(), arguments) > 0);
	pipe = popen(command, "re");
	assert_non_null(pipe);
	(void)fread(heard, 1, sizeof(heard) - 1, pipe);
	assert_int_equal(WEXITSTATUS(pclose(pipe)), status);
	assert_contains(heard, output);
}

static void by_hand(void **state DV_UNUSED)
{
	assert_run("", 1,
		   "devvm-helperd: no socket was passed: this is started by systemd, with "
		   "systemctl start devvm-helperd.socket\n");
	assert_run("--version", 0, "devvm-helperd ");
	assert_run("--help", 0, "--root DIR");
	assert_run("--nonsense", 2, "nonsense");
	assert_run("now", 2, "now: takes no arguments");
}

static void sigterm_stops_it_well(void **state)
{
	struct fixture *fixture = *state;
	DV_AUTO_CLOSE int fd = connect_to(fixture, HELPER);

	say(fd, "events\nv=1\nfollow=1\n");
	assert_honest_is_served(fixture);
	assert_int_equal(kill(fixture->pid, SIGTERM), 0);
	assert_int_equal(reap(fixture), 0);
}

/* ---- bad clients ---------------------------------------------------------------------- */

static void garbage(void **state)
{
	struct fixture *fixture = *state;
	static char big[100000];
	unsigned int seed = 1;

	for (int i = 0; i < 500; i++) {
		enum which which = i % 2 ? HELPER : PAM;
		DV_AUTO_CLOSE int fd = connect_to(fixture, which);
		size_t n_bytes = (size_t)(i % 7 == 0 ? (int)sizeof(big) : 1 + rand_r(&seed) % 9000);

		for (size_t at = 0; at < n_bytes; at++)
			big[at] = (char)rand_r(&seed);
		assert_true(send(fd, big, n_bytes, MSG_NOSIGNAL) > 0);
		assert_contains(hear(fd, HONEST_MS), "error\ncode=bad-request\n");
		assert_string_equal(hear(fd, HONEST_MS), "(closed)");
	}
	assert_honest_is_served(fixture);
}

/* Ask, over and over, on one connection or on ever new ones, and read nothing. As somebody
 * else where that can be had: root has no cap of connections. */
static pid_t fork_flood(const struct fixture *fixture, bool reconnect)
{
	pid_t pid = fork();
	int fd = -1;

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)!setuid(65534);
	for (;;) {
		if (fd < 0 || reconnect) {
			(void)close(fd);
			fd = connect_to(fixture, HELPER);
		}
		if (send(fd, STATUS, strlen(STATUS), MSG_NOSIGNAL) < 0)
			reconnect = true;
	}
}

static void stop_floods(struct fixture *fixture)
{
	for (size_t i = 0; i < DV_COUNT(fixture->floods); i++) {
		if (fixture->floods[i] == 0)
			continue;
		(void)kill(fixture->floods[i], SIGKILL);
		(void)waitpid(fixture->floods[i], NULL, 0);
		fixture->floods[i] = 0;
	}
}

static void floods(void **state)
{
	struct fixture *fixture = *state;

	for (size_t i = 0; i < DV_COUNT(fixture->floods); i++)
		fixture->floods[i] = fork_flood(fixture, i % 2);
	for (int i = 0; i < 20; i++)
		assert_honest_is_served(fixture);
	stop_floods(fixture);
	assert_honest_is_served(fixture);
}

static void readers_that_do_not_read(void **state)
{
	struct fixture *fixture = *state;
	int fds[200];
	long kb;

	add_people(fixture, 2000);
	for (size_t i = 0; i < DV_COUNT(fds); i++) {
		fds[i] = connect_to(fixture, HELPER);
		say(fds[i], STATUS);
	}
	for (int i = 0; i < 20; i++)
		assert_honest_is_served(fixture);
	kb = resident_kb(fixture);
	if (kb >= MAX_RESIDENT_KB)
		print_error("%ld kB resident\n", kb);
	assert_true(kb < MAX_RESIDENT_KB);
	/* Whoever reads at last gets all of it. */
	for (unsigned int n = 0;; n++) {
		const char *heard = hear(fds[7], HONEST_MS);

		if (strncmp(heard, "row", 3) == 0)
			continue;
		assert_string_equal(heard, "done\n");
		assert_int_equal(n, 2001);
		break;
	}
	for (size_t i = 0; i < DV_COUNT(fds); i++)
		(void)close(fds[i]);
}

static void a_storm(void **state)
{
	struct fixture *fixture = *state;
	static int fds[2000];
	long kb = -1;

	add_people(fixture, 500);
	for (size_t i = 0; i < DV_COUNT(fds); i++) {
		enum which which = i % 2 ? PAM : HELPER;

		fds[i] = connect_to(fixture, which);
		say(fds[i], which == PAM ? "open-session\nv=1\nuser=user00001\n"
					 : "events\nv=1\nfollow=1\n");
	}
	for (size_t i = 1; i < DV_COUNT(fds); i += 2)
		assert_contains(hear(fds[i], HONEST_MS), "error\ncode=failed\n");
	assert_honest_is_served(fixture);
	for (size_t i = 0; i < DV_COUNT(fds); i++)
		(void)close(fds[i]);
	/* It gives memory back with the tick behind the last of them. */
	for (int i = 0; i < 100 && (kb < 0 || kb >= MAX_RESIDENT_KB); i++) {
		(void)poll(NULL, 0, 100);
		kb = resident_kb(fixture);
	}
	if (kb >= MAX_RESIDENT_KB)
		print_error("%ld kB resident\n", kb);
	assert_true(kb < MAX_RESIDENT_KB);
	assert_honest_is_served(fixture);
}

/* More names than the kernel keeps for one reader (fs.inotify.max_queued_events) while the
 * daemon is stopped; half of them are of people. */
static void a_storm_of_knocks(void **state)
{
	struct fixture *fixture = *state;
	int tickets_fd;

	add_people(fixture, 500);
	tickets_fd = openat(fixture->scratch->env.root_dirfd, "run/devvm/tickets",
			    O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(tickets_fd >= 0);
	for (unsigned int i = 0; i < 1000; i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "run/devvm/tickets/user%05u", i);
		scratch_write(fixture->scratch, path, "", 0600);
	}
	(void)kill(fixture->pid, SIGSTOP);
	for (unsigned int i = 0; i < 40000; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "user%05u", i % 1000);
		assert_int_equal(utimensat(tickets_fd, name, NULL, 0), 0);
	}
	(void)close(tickets_fd);
	(void)kill(fixture->pid, SIGCONT);
	assert_honest_is_served(fixture);
}

static void no_descriptor_is_left(void **state)
{
	struct fixture *fixture = *state;
	int fds[100];
	long before_ms, used_ms;

	(void)kill(fixture->pid, SIGKILL);
	(void)reap(fixture);
	start_with(fixture, 48);
	assert_honest_is_served(fixture);
	for (size_t i = 0; i < DV_COUNT(fds); i++)
		fds[i] = connect_to(fixture, HELPER);
	(void)poll(NULL, 0, 200);
	before_ms = cpu_ms(fixture);
	(void)poll(NULL, 0, 1000);
	used_ms = cpu_ms(fixture) - before_ms;
	if (used_ms > 200)
		print_error("%ld ms of CPU in a second\n", used_ms);
	assert_true(used_ms <= 200); /* a loop that spins takes all of it */
	for (size_t i = 0; i < DV_COUNT(fds); i++)
		(void)close(fds[i]);
	(void)poll(NULL, 0, 1200);
	assert_honest_is_served(fixture);
}

/* ---- a daemon that fails -------------------------------------------------------------- */

static void killed_and_started_again(void **state)
{
	struct fixture *fixture = *state;
	DV_AUTO_CLOSE int before = connect_to(fixture, HELPER);
	DV_AUTO_CLOSE int between = -1;

	say(before, "events\nv=1\nfollow=1\n");
	assert_honest_is_served(fixture);
	(void)kill(fixture->pid, SIGKILL);
	(void)reap(fixture);
	while (strncmp(hear(before, HONEST_MS), "row", 3) == 0)
		continue;
	assert_string_equal(hear(before, HONEST_MS), "(closed)");
	/* The socket stays: who comes now is served by the next one. */
	between = connect_to(fixture, HELPER);
	say(between, "wait\nv=1\nuser=nobody\n");
	assert_string_equal(hear(between, 200), "(silent)");
	start_with(fixture, 0);
	assert_string_equal(hear(between, HONEST_MS), "done\n");
	assert_honest_is_served(fixture);
}

static void stopped_and_continued(void **state)
{
	struct fixture *fixture = *state;
	DV_AUTO_CLOSE int fd = -1;

	assert_honest_is_served(fixture);
	(void)kill(fixture->pid, SIGSTOP);
	fd = connect_to(fixture, PAM);
	say(fd, "open-session\nv=1\nuser=nobody\n");
	assert_string_equal(hear(fd, 300), "(silent)");
	(void)kill(fixture->pid, SIGCONT);
	assert_contains(hear(fd, HONEST_MS), "error\ncode=failed\n");
}

static void a_ledger_that_is_rubbish(void **state)
{
	struct fixture *fixture = *state;
	DV_AUTO_CLOSE int fd = -1;

	assert_honest_is_served(fixture);
	(void)kill(fixture->pid, SIGKILL);
	(void)reap(fixture);
	(void)unlinkat(fixture->scratch->env.root_dirfd, LEDGER_PATH "-wal", 0);
	(void)unlinkat(fixture->scratch->env.root_dirfd, LEDGER_PATH "-shm", 0);
	scratch_write(fixture->scratch, LEDGER_PATH, "rubbish rubbish rubbish rubbish", 0600);
	start_with(fixture, 0);
	fd = connect_to(fixture, HELPER);
	say(fd, STATUS);
	assert_contains(hear(fd, HONEST_MS), "error\ncode=failed\ntext=ledger /" LEDGER_PATH);
	assert_honest_is_served(fixture);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_hand),
		TEST(sigterm_stops_it_well),
		TEST(garbage),
		TEST(floods),
		TEST(readers_that_do_not_read),
		TEST(a_storm),
		TEST(a_storm_of_knocks),
		TEST(no_descriptor_is_left),
		TEST(killed_and_started_again),
		TEST(stopped_and_continued),
		TEST(a_ledger_that_is_rubbish),
	};
	struct rlimit limit;

	if (!fake_become_root()) {
		print_error("needs root, or a user namespace in which it is root\n");
		return 1;
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 4096) {
		limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
		(void)setrlimit(RLIMIT_NOFILE, &limit); /* the storm says so if it is too few */
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
