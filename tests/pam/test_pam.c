/* test_pam.c - opening a session, through libpam, with the real module.
 *
 *   test_pam [path of pam_devvm.so, default build/pam_devvm.so]
 *
 * Each test says what the person, the log and the application get. The helper is a
 * stand-in (fake.h), the paths are the real ones (stage.h). What takes time is bounded
 * generously: a test asserts that a deadline was kept, never that anything was fast.
 */
#include <fcntl.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "fake.h"
#include "login.h"
#include "stage.h"
#include "wire/paths.h"
#include "wire/record.h"
#include "wire/ticket.h"

#define TICKET_TEXT "PATH=/home/ann/.local/bin:/usr/bin\nT3_PORT=3773\nEMPTY=\n"
#define DONE_READY "done\noutcome=ready\n"
#define DONE_NOT_OURS "done\noutcome=not-ours\n"
#define TICKET PATH_TICKETS "/ann"

/* The module's own limit in the service `short`, and what a busy machine may add. */
#define SHORT_MS 300
#define MARGIN_MS 20000

struct test {
	struct login login;
	struct fake fake;
};

static struct test test;

static int set_up(void **state)
{
	*state = &test;
	stage_reset();
	stage_accounts(3, true);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	login_end(&test.login);
	fake_stop(&test.fake);
	return 0;
}

static int open_as(const char *service, const char *user)
{
	login_end(&test.login);
	login_start(&test.login, service, user, "ssh");
	return pam_open_session(test.login.pamh, 0);
}

/* When the ticket was last touched, in seconds; 0 when there is none. */
static int64_t touched(void)
{
	struct stat st;

	if (stat(TICKET, &st) < 0) {
		assert_int_equal(errno, ENOENT);
		return 0;
	}
	return st.st_mtim.tv_sec;
}

/* time(2) reads a clock that is a tick behind; a file's time may be of the finer one (Linux 6.13
 * and newer), and then it lies in the future. */
static void expect_touched_now(void)
{
	struct timespec now;

	assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
	assert_in_range(touched(), now.tv_sec - MARGIN_MS / 1000, now.tv_sec);
}

static void untouch(void)
{
	const struct timespec epoch[2] = { { .tv_sec = 0 }, { .tv_sec = 0 } };

	assert_int_equal(utimensat(AT_FDCWD, TICKET, epoch, 0), 0);
}

static void start_answering(const char *answer, const char *ticket)
{
	struct fake_script script = { .packets = { { answer, 0 } }, .ticket = ticket };

	fake_stop(&test.fake);
	fake_start(&test.fake, &script);
}

static void expect_env(const char *name, const char *value)
{
	const char *found = pam_getenv(test.login.pamh, name);

	if (!value)
		assert_null(found);
	else if (!found)
		fail_msg("%s is not set; expected '%s'", name, value);
	else
		assert_string_equal(found, value);
}

static void expect_ticket_in_env(void)
{
	expect_env("PATH", "/home/ann/.local/bin:/usr/bin");
	expect_env("T3_PORT", "3773");
	expect_env("EMPTY", "");
}

/* ---- with a ticket ---- */

static void ticket_goes_into_the_environment(void **state)
{
	(void)state;
	fake_write_ticket(TICKET_TEXT);
	assert_int_equal(open_as("plain", "ann"), PAM_SUCCESS);
	expect_ticket_in_env();
	login_expect_log(&test.login, 0);
	login_expect_shown(&test.login, 0);
}

static void ticket_says_when_somebody_logged_in(void **state)
{
	(void)state;
	fake_write_ticket(TICKET_TEXT);
	assert_int_equal(touched(), 0); /* as the reconcile leaves it */
	assert_int_equal(open_as("plain", "ann"), PAM_SUCCESS);
	expect_touched_now();
}

/* What the daemon waits for. */
static void touch_is_told_to_who_watches_the_folder(void **state)
{
	DV_AUTO_CLOSE int watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	union {
		struct inotify_event event;
		char bytes[4096];
	} seen;

	(void)state;
	fake_write_ticket(TICKET_TEXT);
	assert_true(inotify_add_watch(watch_fd, PATH_TICKETS, IN_ATTRIB | IN_MODIFY) >= 0);
	assert_int_equal(open_as("plain", "ann"), PAM_SUCCESS);
	assert_true(read(watch_fd, &seen, sizeof(seen)) > 0);
	assert_int_equal(seen.event.mask, IN_ATTRIB);
	assert_string_equal(seen.event.name, "ann");
}

static void ticket_asks_nobody(void **state)
{
	(void)state;
	start_answering(DONE_READY, NULL);
	fake_write_ticket(TICKET_TEXT);
	assert_int_equal(open_as("plain", "ann"), PAM_SUCCESS);
	assert_int_equal(test.fake.seen->n_connections, 0);
}

static int n_opens_of_passwd(int watch_fd)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	int n_opens = 0;
	ssize_t n;

	while ((n = read(watch_fd, events, sizeof(events))) > 0)
		n_opens += (int)(n / (ssize_t)sizeof(struct inotify_event));
	return n_opens;
}

static void ticket_needs_no_name_lookup(void **state)
{
	DV_AUTO_CLOSE int watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	(void)state;
	stage_accounts(0, false);
	assert_true(inotify_add_watch(watch_fd, "/etc/passwd", IN_OPEN) >= 0);
	fake_write_ticket(TICKET_TEXT);
	assert_int_equal(open_as("plain", "ann"), PAM_SUCCESS);
	expect_ticket_in_env();
	assert_int_equal(n_opens_of_passwd(watch_fd), 0);
	/* The watch does see a lookup. */
	assert_int_equal(unlink(TICKET), 0);
	assert_int_equal(open_as("plain", "ann"), LOGIN_SESSION_IGNORED);
	assert_true(n_opens_of_passwd(watch_fd) > 0);
}

static void set_read_only(bool read_only)
{
	unsigned long flags = MS_REMOUNT | MS_NOSUID | MS_NODEV | (read_only ? MS_RDONLY : 0);

	assert_int_equal(mount(NULL, "/run/devvm", NULL, flags, NULL), 0);
}

static void ticket_that_cannot_be_touched_is_put_all_the_same(void **state)
{
	int code;

	(void)state;
	fake_write_ticket(TICKET_TEXT);
	set_read_only(true);
	code = open_as("plain", "ann");
	set_read_only(false);
	assert_int_equal(code, PAM_SUCCESS);
	expect_ticket_in_env();
	login_expect_log(&test.login, 0);
	assert_int_equal(touched(), 0);
}

/* Two lines of one stack with pam_env between them, as in Debian's sshd. */
static void stacked_twice_has_the_last_word_about_path(void **state)
{
	(void)state;
	fake_write_ticket(TICKET_TEXT);
	stage_write_text(STAGE "/environment", 0644, "PATH=/usr/games\nLANG=C\n");
	assert_int_equal(open_as("once", "ann"), PAM_SUCCESS);
	expect_env("PATH", "/usr/games"); /* what the second line is for */
	assert_int_equal(open_as("twice", "ann"), PAM_SUCCESS);
	expect_ticket_in_env();
	expect_env("LANG", "C");
	login_expect_log(&test.login, 0);
}

static void stacked_twice_touches_once(void **state)
{
	(void)state;
	fake_write_ticket(TICKET_TEXT);
	assert_int_equal(open_as("once", "ann"), PAM_SUCCESS);
	expect_touched_now();
	untouch();
	/* On this handle the session is open: what comes is the second line. */
	assert_int_equal(pam_open_session(test.login.pamh, 0), PAM_SUCCESS);
	expect_env("T3_PORT", "3773");
	assert_int_equal(touched(), 0);
}

static void stacked_twice_asks_once_and_logs_once(void **state)
{
	(void)state;
	stage_write_text(STAGE "/environment", 0644, "PATH=/usr/games\n");
	start_answering("error\ncode=failed\ntext=no\n", NULL);
	assert_int_equal(open_as("twice", "ann"), PAM_SUCCESS);
	assert_int_equal(test.fake.seen->n_connections, 1);
	login_expect_log(&test.login, 1);
	expect_env("PATH", "/usr/games");

	start_answering(DONE_READY, TICKET_TEXT);
	assert_int_equal(open_as("twice", "ann"), PAM_SUCCESS);
	assert_int_equal(test.fake.seen->n_connections, 1);
	login_expect_log(&test.login, 0);
	expect_ticket_in_env();
}

static void session_opened_again_on_one_handle_touches_again(void **state)
{
	(void)state;
	fake_write_ticket(TICKET_TEXT);
	assert_int_equal(open_as("once", "ann"), PAM_SUCCESS);
	assert_int_equal(pam_close_session(test.login.pamh, 0), PAM_SUCCESS);
	untouch();
	assert_int_equal(pam_open_session(test.login.pamh, 0), PAM_SUCCESS);
	expect_touched_now();
}

/* ---- a ticket that is not as the reconcile writes it ---- */

static void spoil_owner(void)
{
	assert_int_equal(chown(TICKET, STAGE_OTHER_UID, (gid_t)-1), 0);
}

static void spoil_mode(void)
{
	assert_int_equal(chmod(TICKET, 0640), 0);
}

static void spoil_by_narrow_mode(void)
{
	assert_int_equal(chmod(TICKET, 0400), 0);
}

static void spoil_by_setuid_bit(void)
{
	assert_int_equal(chmod(TICKET, 04600), 0);
}

static void spoil_by_second_link(void)
{
	assert_int_equal(link(TICKET, PATH_TICKETS "/bob"), 0);
}

static void spoil_by_symlink(void)
{
	assert_int_equal(rename(TICKET, PATH_TICKETS "/bob"), 0);
	assert_int_equal(symlink("bob", TICKET), 0);
}

static void spoil_by_fifo(void)
{
	assert_int_equal(unlink(TICKET), 0);
	assert_int_equal(mkfifo(TICKET, 0600), 0);
}

static void spoil_by_folder(void)
{
	assert_int_equal(unlink(TICKET), 0);
	assert_int_equal(mkdir(TICKET, 0600), 0);
}

static void spoil_size(void)
{
	assert_int_equal(truncate(TICKET, TICKET_MAX_BYTES + 1), 0);
}

static void spoil_by_nothing_in_it(void)
{
	assert_int_equal(truncate(TICKET, 0), 0);
}

static void spoil_header(void)
{
	stage_write_text(TICKET, 0600, "#devvm-ticket 2\nPATH=/x\n");
}

static void spoil_line(void)
{
	stage_write_text(TICKET, 0600, TICKET_HEADER "\nPATH=/x\nunset\n");
}

static void spoil_name(void)
{
	stage_write_text(TICKET, 0600, TICKET_HEADER "\nPATH=/x\n=/y\n");
}

static void spoil_by_control_character(void)
{
	stage_write_text(TICKET, 0600, TICKET_HEADER "\nPATH=/x\033[2J\n");
}

static void spoil_by_nul(void)
{
	static const char text[] = TICKET_HEADER "\nPATH=/x\n\0TOKEN=sk-secret\n";

	stage_write(TICKET, 0600, text, sizeof(text) - 1);
}

static void spoil_by_too_many_lines(void)
{
	DV_AUTO_FCLOSE FILE *file = fopen(TICKET, "we");

	assert_non_null(file);
	(void)fprintf(file, "%s\n", TICKET_HEADER);
	for (int i = 0; i <= TICKET_MAX_LINES; i++)
		(void)fprintf(file, "PATH=/%d\n", i);
}

static const struct {
	void (*spoil)(void);
	const char *word; /* of the one line in the log */
	bool needs_other_uids;
} BAD_TICKETS[] = {
	{ spoil_owner, "belongs to uid 1234", true },
	{ spoil_mode, "mode 0640", false },
	{ spoil_by_narrow_mode, "mode 0400", false },
	{ spoil_by_setuid_bit, "mode 4600", false },
	{ spoil_by_second_link, "2 links", false },
	{ spoil_by_symlink, "symbolic link", false },
	{ spoil_by_fifo, "not a regular file", false },
	{ spoil_by_folder, "not a regular file", false },
	{ spoil_size, "8193 bytes", false },
	{ spoil_by_nothing_in_it, "first line", false },
	{ spoil_header, "first line", false },
	{ spoil_line, "line 3", false },
	{ spoil_name, "line 3", false },
	{ spoil_by_control_character, "line 2", false },
	{ spoil_by_nul, "NUL", false },
	{ spoil_by_too_many_lines, "more than 32 lines", false },
};

static void bad_ticket_is_no_ticket(void **state)
{
	for (size_t i = 0; i < DV_COUNT(BAD_TICKETS); i++) {
		if (BAD_TICKETS[i].needs_other_uids && !stage_has_other_uids())
			continue;
		(void)tear_down(state);
		(void)set_up(state);
		fake_write_ticket("PATH=/x\nTOKEN=sk-secret\n");
		BAD_TICKETS[i].spoil();
		untouch();
		start_answering(DONE_NOT_OURS, NULL);
		assert_int_equal(open_as("plain", "ann"), LOGIN_SESSION_IGNORED);
		expect_env("PATH", NULL);
		expect_env("TOKEN", NULL);
		/* Exactly one line, which says what is wrong and quotes no value. */
		login_expect_log(&test.login, 1);
		login_expect_line(&test.login, 0, LOG_ERR, "ann: the ticket is not believed",
				  BAD_TICKETS[i].word);
		assert_null(strstr(test.login.log[0].text, "sk-secret"));
		assert_int_equal(test.fake.seen->n_connections, 1); /* asked instead */
		assert_int_equal(touched(), 0);
	}
}

static void bad_ticket_is_replaced_by_the_helper(void **state)
{
	(void)state;
	fake_write_ticket(TICKET_TEXT);
	spoil_header();
	start_answering(DONE_READY, TICKET_TEXT);
	assert_int_equal(open_as("plain", "ann"), PAM_SUCCESS);
	expect_ticket_in_env();
	login_expect_log(&test.login, 1);
}

/* The reconcile renames a new ticket into place whenever it likes. */
static void ticket_replaced_under_the_reader(void **state)
{
	pid_t writer = fork();

	(void)state;
	if (writer == 0) {
		for (;;)
			fake_write_ticket(TICKET_TEXT);
	}
	while (access(TICKET, F_OK) < 0)
		(void)usleep(1000);
	for (int i = 0; i < 2000; i++) {
		int code = open_as("plain", "ann");

		login_expect_log(&test.login, 0);
		assert_int_equal(code, PAM_SUCCESS);
	}
	expect_ticket_in_env();
	(void)kill(writer, SIGKILL);
	(void)waitpid(writer, NULL, 0);
}

/* ---- without a ticket ---- */

static void ready_helper_gives_the_environment(void **state)
{
	(void)state;
	start_answering(DONE_READY, TICKET_TEXT);
	assert_int_equal(open_as("plain", "ann"), PAM_SUCCESS);
	expect_ticket_in_env();
	expect_touched_now(); /* the daemon knows of the person, not that they are in */
	login_expect_log(&test.login, 0);
	login_expect_shown(&test.login, 0);
	assert_string_equal(test.fake.seen->request,
			    "open-session\nv=1\nuser=ann\nservice=plain\n");
}

static void progress_and_rows_are_passed_over(void **state)
{
	struct fake_script script = {
		.ticket = TICKET_TEXT,
		.packets = { { "progress\nuser=ann\nstep=account\nstatus=ok\nn=1\nof=4\n", 0 },
			     { "row\nkind=person\nanything=goes\n", 0 },
			     { DONE_READY, 0 } },
	};

	(void)state;
	fake_start(&test.fake, &script);
	assert_int_equal(open_as("plain", "ann"), PAM_SUCCESS);
	expect_ticket_in_env();
	login_expect_log(&test.login, 0);
}

static void not_ours_is_silent(void **state)
{
	(void)state;
	start_answering(DONE_NOT_OURS, NULL);
	assert_int_equal(open_as("plain", "ann"), LOGIN_SESSION_IGNORED);
	login_expect_log(&test.login, 0);
	login_expect_shown(&test.login, 0);
}

static void ready_without_a_good_ticket_is_logged(void **state)
{
	(void)state;
	start_answering(DONE_READY, NULL);
	assert_int_equal(open_as("plain", "ann"), LOGIN_SESSION_IGNORED);
	login_expect_log(&test.login, 1);
	login_expect_line(&test.login, 0, LOG_ERR, "left no good ticket", "No such file");

	start_answering(DONE_READY, "no line\n");
	assert_int_equal(open_as("plain", "ann"), LOGIN_SESSION_IGNORED);
	login_expect_log(&test.login, 1);
	login_expect_line(&test.login, 0, LOG_ERR, "left no good ticket", "line 2");
}

static void ticket_that_came_meanwhile_is_taken(void **state)
{
	struct fake_script script = { .ticket = TICKET_TEXT, .end = FAKE_CLOSES };

	(void)state;
	fake_start(&test.fake, &script);
	assert_int_equal(open_as("plain", "ann"), PAM_SUCCESS);
	expect_ticket_in_env();
	login_expect_log(&test.login, 1);
	login_expect_line(&test.login, 0, LOG_WARNING, "hung up", "closed the connection");
	expect_touched_now();
}

static void service_name_cannot_break_the_question(void **state)
{
	static const char *const names[] = { "a\nuser=root", "a\033[2J", "\xff\xfe" };
	DV_AUTO_FREE char *long_name = malloc(RECORD_MAX_BYTES + 1);

	(void)state;
	assert_non_null(long_name);
	memset(long_name, 'a', RECORD_MAX_BYTES);
	long_name[RECORD_MAX_BYTES] = '\0';
	start_answering(DONE_NOT_OURS, NULL);
	/* A service without a file of its own gets this stack. */
	stage_service("other", LOGIN_SESSION(""));
	for (size_t i = 0; i <= DV_COUNT(names); i++) {
		const char *name = i < DV_COUNT(names) ? names[i] : long_name;

		login_end(&test.login);
		login_start(&test.login, "plain", "ann", NULL);
		assert_int_equal(pam_set_item(test.login.pamh, PAM_SERVICE, name), PAM_SUCCESS);
		assert_int_equal(pam_open_session(test.login.pamh, 0), LOGIN_SESSION_IGNORED);
		login_expect_log(&test.login, 0);
		assert_string_equal(test.fake.seen->request, "open-session\nv=1\nuser=ann\n");
	}
}

/* ---- a helper that is not well: the session opens, with one line in the log ---- */

static void expect_one_failure(int priority, const char *sentence, const char *detail)
{
	int64_t before_ms = clock_now_ms();

	assert_int_equal(open_as("short", "ann"), LOGIN_SESSION_IGNORED);
	assert_in_range(clock_now_ms() - before_ms, 0, SHORT_MS + MARGIN_MS);
	login_expect_log(&test.login, 1);
	login_expect_line(&test.login, 0, priority, sentence, detail);
	expect_env("PATH", NULL);
}

static void absent_helper(void **state)
{
	(void)state;
	expect_one_failure(LOG_WARNING, "ann: the helper is not there", "No such file");
	fake_leave_dead_socket();
	expect_one_failure(LOG_WARNING, "ann: the helper is not there", "Connection refused");
	stage_reset();
	assert_int_equal(rmdir(PATH_TICKETS), 0);
	expect_one_failure(LOG_WARNING, "ann: the helper is not there", "No such file");
}

static void full_queue(void **state)
{
	int fillers[8];
	int fd = fake_listen_full(fillers);

	(void)state;
	expect_one_failure(LOG_WARNING, "too slow", "connect to " PATH_PAM_SOCKET);
	for (size_t i = 0; i < DV_COUNT(fillers); i++)
		dv_closep(&fillers[i]);
	dv_closep(&fd);
}

static const struct {
	struct fake_script script;
	const char *detail;
} SLOW_HELPERS[] = {
	{ { .end = FAKE_HANGS }, "wait for the answer" },
	{ { .deaf = true, .end = FAKE_HANGS }, "wait for the answer" },
	{ { .packets = { { DONE_READY, 0 } }, .pause_ms = 600000 }, "wait for the answer" },
	{ { .packets = { { "progress\nuser=ann\nstep=account\nstatus=ok\n", 0 } },
	    .end = FAKE_HANGS },
	  "wait for the answer" },
};

static void slow_helper(void **state)
{
	(void)state;
	for (size_t i = 0; i < DV_COUNT(SLOW_HELPERS); i++) {
		fake_start(&test.fake, &SLOW_HELPERS[i].script);
		expect_one_failure(LOG_WARNING, "ann: the helper was too slow",
				   SLOW_HELPERS[i].detail);
		fake_stop(&test.fake);
	}
}

/* A helper that talks faster than it can be read, so that there is always something to
 * receive: only a look at the clock ends that. A real socket has gaps, so recv(2) itself is
 * played here, until the flood has gone on for far too long. */
static int64_t flood_until_ms;

static ssize_t receive(int fd, void *buffer, size_t n_bytes, int flags)
{
	static const char row[] = "row\nkind=flood\n";

	if (clock_now_ms() >= flood_until_ms)
		return recvfrom(fd, buffer, n_bytes, flags, NULL, NULL);
	memcpy(buffer, row, sizeof(row) - 1);
	return sizeof(row) - 1;
}

ssize_t recv(int fd, void *buffer, size_t n_bytes, int flags)
{
	return receive(fd, buffer, n_bytes, flags);
}

/* What recv() becomes with _FORTIFY_SOURCE. */
ssize_t __recv_chk(int fd, void *buffer, size_t n_bytes, size_t n_room, int flags);
ssize_t __recv_chk(int fd, void *buffer, size_t n_bytes, size_t n_room, int flags)
{
	return receive(fd, buffer, n_bytes < n_room ? n_bytes : n_room, flags);
}

static void helper_that_never_stops_talking(void **state)
{
	(void)state;
	start_answering(DONE_NOT_OURS, NULL); /* what comes when the flood is over: too late */
	flood_until_ms = clock_deadline_ms(SHORT_MS + MARGIN_MS);
	expect_one_failure(LOG_WARNING, "ann: the helper was too slow", "end of the answer");
	flood_until_ms = 0;
}

static void stopped_helper(void **state)
{
	(void)state;
	start_answering(DONE_READY, NULL);
	assert_int_equal(kill(test.fake.pid, SIGSTOP), 0);
	expect_one_failure(LOG_WARNING, "ann: the helper was too slow", "wait for the answer");
}

static void dying_helper(void **state)
{
	static const struct fake_script scripts[] = {
		{ .end = FAKE_CLOSES },
		{ .deaf = true, .end = FAKE_CLOSES },
		{ .packets = { { "progress\nuser=ann\nstep=account\nstatus=ok\n", 0 } } },
	};

	(void)state;
	for (size_t i = 0; i < DV_COUNT(scripts); i++) {
		fake_start(&test.fake, &scripts[i]);
		expect_one_failure(LOG_WARNING, "ann: the helper hung up", "");
		fake_stop(&test.fake);
	}
}

static char oversized[RECORD_MAX_BYTES * 4];

static const struct {
	struct fake_packet packet;
	const char *detail;
} NONSENSE[] = {
	{ { "\x16\x03\x01\x02\x01", 0 }, "" },
	{ { "HTTP/1.1 400 Bad Request\r\n", 0 }, "" },
	{ { "done\noutcome=ready\0\n", 20 }, "NUL" },
	{ { oversized, sizeof(oversized) }, "longer than 8192" },
	{ { "done\noutcome", 0 }, "no '='" }, /* cut short */
	{ { "don", 0 }, "unknown verb don" },
	{ { "done\n", 0 }, "unknown outcome (none)" },
	{ { "done\noutcome=\n", 0 }, "unknown outcome " },
	{ { "done\noutcome=Ready\n", 0 }, "unknown outcome Ready" },
	{ { "done\noutcome=ready\noutcome=ready\n", 0 }, "twice" },
	{ { "done\noutcome=ready\ncolour=red\n", 0 }, "colour" },
	{ { "done\noutcome=\xff\xfe\n", 0 }, "UTF-8" },
	{ { "done\noutcome=ready\r\n", 0 }, "control character" },
	{ { "open-session\nv=1\nuser=ann\n", 0 }, "unknown verb open-session" },
	{ { "error\ncode=failed\n", 0 }, "needs the key text" },
	{ { "\n", 0 }, "" },
};

static void helper_that_talks_nonsense(void **state)
{
	(void)state;
	memset(oversized, 'a', sizeof(oversized));
	for (size_t i = 0; i < DV_COUNT(NONSENSE); i++) {
		struct fake_script script = { .packets = { NONSENSE[i].packet } };

		fake_start(&test.fake, &script);
		expect_one_failure(LOG_ERR, "ann: the helper's answer makes no sense",
				   NONSENSE[i].detail);
		fake_stop(&test.fake);
	}
}

static void helper_of_another_version(void **state)
{
	(void)state;
	start_answering("error\ncode=version\ntext=this side speaks 2\n", NULL);
	expect_one_failure(LOG_ERR, "ann: the helper is of another version", "speaks 2");
}

static void helper_that_refuses(void **state)
{
	(void)state;
	start_answering("error\ncode=busy\ntext=too many at once\n", NULL);
	expect_one_failure(LOG_WARNING, "ann: the helper refused", "busy: too many at once");
}

static void impostor(void **state)
{
	struct fake_script script = { .packets = { { DONE_READY, 0 } }, .ticket = NULL };

	(void)state;
	if (!stage_has_other_uids())
		skip();
	fake_start_as(&test.fake, &script, STAGE_OTHER_UID);
	expect_one_failure(LOG_ERR, "ann: the helper's place is taken", "uid 1234");
	assert_string_equal(test.fake.seen->request, ""); /* told nothing */
}

/* Whatever the answer is (libpam itself fails then: it opens an audit socket), it is ours
 * that is logged, once, and nothing hangs. */
static void no_descriptor_left(void **state)
{
	struct rlimit limit, tight;

	(void)state;
	fake_write_ticket(TICKET_TEXT);
	login_start(&test.login, "plain", "ann", "ssh");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	tight = limit;
	tight.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	(void)pam_open_session(test.login.pamh, 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	expect_env("PATH", NULL);
	login_expect_line(&test.login, 0, LOG_ERR, "not believed", "Too many open files");
}

/* ---- who is none of our business: nothing read, nobody asked, no line ---- */

static void expect_skipped(const char *service, const char *user)
{
	assert_int_equal(open_as(service, user), LOGIN_SESSION_IGNORED);
	expect_env("PATH", NULL);
	login_expect_log(&test.login, 0);
	login_expect_shown(&test.login, 0);
	assert_int_equal(test.fake.seen->n_connections, 0);
	assert_int_equal(touched(), 0);
}

static void root_and_strange_names_are_skipped(void **state)
{
	static const char *const names[] = {
		"root",	       "",	     "..",
		".",	       "../ann",     "a/b",
		"tickets/ann", "-ann",	     "123",
		"Ann",	       "ann\n",	     "ann ",
		"a=b",	       "\xc3\xa4nn", "abcdefghijklmnopqrstuvwxyz0123456",
	};

	(void)state;
	start_answering(DONE_READY, NULL);
	fake_write_ticket(TICKET_TEXT);
	assert_int_equal(link(TICKET, PATH_TICKETS "/root"), 0);
	for (size_t i = 0; i < DV_COUNT(names); i++)
		expect_skipped("plain", names[i]);
}

static void session_without_a_name_is_skipped(void **state)
{
	(void)state;
	start_answering(DONE_READY, NULL);
	expect_skipped("plain", NULL); /* and no prompt for one: nothing was shown */
}

static void service_manager_is_skipped(void **state)
{
	(void)state;
	start_answering(DONE_READY, NULL);
	fake_write_ticket(TICKET_TEXT);
	expect_skipped("systemd-user", "ann");
}

static void accounts_that_are_no_people_are_not_asked_about(void **state)
{
	(void)state;
	start_answering(DONE_READY, NULL);
	expect_skipped("plain", "low");
	expect_skipped("plain", "high");
	expect_skipped("plain", "nobody-of-that-name");
}

static void caller_must_be_root_in_effect(void **state)
{
	int code;

	(void)state;
	if (!stage_has_other_uids())
		skip();
	start_answering(DONE_READY, NULL);
	fake_write_ticket(TICKET_TEXT);
	login_start(&test.login, "plain", "ann", NULL);
	assert_int_equal(seteuid(STAGE_OTHER_UID), 0);
	code = pam_open_session(test.login.pamh, 0);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(code, LOGIN_SESSION_IGNORED);
	login_expect_log(&test.login, 0);
	assert_int_equal(touched(), 0);
	/* sudo: the real uid is the caller's. */
	assert_int_equal(setresuid(STAGE_OTHER_UID, 0, 0), 0);
	code = open_as("plain", "ann");
	assert_int_equal(setresuid(0, 0, 0), 0);
	assert_int_equal(code, PAM_SUCCESS);
	expect_ticket_in_env();
}

/* ---- what the person sees ---- */

static int open_slowly(const char *service, const char *tty, int flags)
{
	login_end(&test.login);
	login_start(&test.login, service, "ann", tty);
	return pam_open_session(test.login.pamh, flags);
}

static void text_only_where_it_cannot_get_into_data(void **state)
{
	struct fake_script script = { .end = FAKE_HANGS };
	DV_AUTO_CLOSE int own_stdout = dup(STDOUT_FILENO);
	DV_AUTO_CLOSE int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int terminal = -1, shell = -1;
	int n_on_terminal, n_without_tty, n_redirected;

	(void)state;
	fake_start(&test.fake, &script);
	assert_int_equal(open_slowly("short", "ssh", 0), LOGIN_SESSION_IGNORED);
	login_expect_shown(&test.login, 1);
	assert_int_equal(test.login.shown[0].kind, PAM_TEXT_INFO);
	assert_non_null(strstr(test.login.shown[0].text, "log in again"));
	(void)open_slowly("short", "ssh", (int)PAM_SILENT);
	login_expect_shown(&test.login, 0);
	(void)open_slowly("short-quiet", "ssh", 0);
	login_expect_shown(&test.login, 0);
	login_expect_log(&test.login, 1); /* quiet is about the person */
	(void)open_slowly("short", NULL, 0);
	login_expect_shown(&test.login, 0);

	/* su and login: a real terminal, and stdout goes there or elsewhere. */
	assert_int_equal(openpty(&terminal, &shell, NULL, NULL, NULL), 0);
	(void)fflush(stdout);
	assert_true(dup2(shell, STDOUT_FILENO) >= 0);
	(void)open_slowly("short", "pts/0", 0);
	n_on_terminal = test.login.n_shown;
	(void)open_slowly("short", NULL, 0);
	n_without_tty = test.login.n_shown;
	assert_true(dup2(null_fd, STDOUT_FILENO) >= 0);
	(void)open_slowly("short", "pts/0", 0);
	n_redirected = test.login.n_shown;
	assert_true(dup2(own_stdout, STDOUT_FILENO) >= 0);
	dv_closep(&terminal);
	dv_closep(&shell);
	assert_int_equal(n_on_terminal, 1);
	assert_int_equal(n_without_tty, 0);
	assert_int_equal(n_redirected, 0);
}

/* ---- options ---- */

static const struct {
	const char *options;
	const char *word; /* of the warning; NULL: none */
} OPTIONS[] = {
	{ "timeout=1 quiet", NULL },
	{ "timeout=30", NULL },
	{ "timeout=50ms", NULL },
	{ "timeout=30000ms", NULL },
	{ "verbose", "unknown option verbose ignored; known are timeout=, quiet, debug" },
	{ "timeout", "unknown option timeout" },
	{ "timeout=", "timeout= ignored" },
	{ "timeout=0", "timeout=0 ignored" },
	{ "timeout=31", "timeout=31 ignored" },
	{ "timeout=-1", "ignored" },
	{ "timeout=+1", "ignored" },
	{ "timeout=1.5", "timeout=1.5 ignored: timeout= takes 1 to 30 seconds" },
	{ "timeout=3s", "ignored" },
	{ "timeout=ms", "ignored" },
	{ "timeout=49ms", "ignored" },
	{ "timeout=30001ms", "ignored" },
	{ "timeout=99999999999999999999", "ignored" },
	{ "timeout=00000000000000000001", "ignored" },
	{ "timeout=3000msx", "ignored" },
	{ "Quiet", "unknown option Quiet" },
};

static void options_are_checked_and_never_cost_a_login(void **state)
{
	char stack[512];

	(void)state;
	fake_write_ticket(TICKET_TEXT);
	for (size_t i = 0; i < DV_COUNT(OPTIONS); i++) {
		(void)snprintf(stack, sizeof(stack), "session required %%s %s\n",
			       OPTIONS[i].options);
		stage_service("options", stack);
		assert_int_equal(open_as("options", "ann"), PAM_SUCCESS);
		expect_ticket_in_env();
		login_expect_log(&test.login, OPTIONS[i].word ? 1 : 0);
		if (OPTIONS[i].word)
			login_expect_line(&test.login, 0, LOG_WARNING, OPTIONS[i].word, "");
	}
}

static void malformed_timeout_leaves_the_default(void **state)
{
	struct fake_script script = { .end = FAKE_HANGS };
	int64_t before_ms = clock_now_ms();

	(void)state;
	fake_start(&test.fake, &script);
	stage_service("options", "session optional %s timeout=1h\n"
				 "session required pam_permit.so\n");
	assert_int_equal(open_as("options", "ann"), PAM_SUCCESS);
	assert_in_range(clock_now_ms() - before_ms, 2900, 3000 + MARGIN_MS);
}

static void debug_tells_what_happened(void **state)
{
	(void)state;
	fake_write_ticket(TICKET_TEXT);
	assert_int_equal(open_as("debug", "ann"), PAM_SUCCESS);
	login_expect_log(&test.login, 1);
	login_expect_line(&test.login, 0, LOG_DEBUG, "ann: environment set from the ticket", "");
	assert_null(strstr(test.login.log[0].text, "3773"));
	assert_int_equal(open_as("debug", "root"), LOGIN_SESSION_IGNORED);
	login_expect_log(&test.login, 1);
	login_expect_line(&test.login, 0, LOG_DEBUG, "not a session to look after", "");
	/* A name that is no name of ours is not written to the log. */
	assert_int_equal(open_as("debug", "x\033[2Jy"), LOGIN_SESSION_IGNORED);
	login_expect_log(&test.login, 1);
	assert_null(strstr(test.login.log[0].text, "\033"));
}

/* ---- a guest in somebody else's process ---- */

static void leaves_the_process_as_it_was(void **state)
{
	struct login_process before;

	for (size_t i = 0; i < 4; i++) {
		(void)tear_down(state);
		(void)set_up(state);
		start_answering(i == 1 ? DONE_READY : "nonsense", i == 1 ? TICKET_TEXT : NULL);
		if (i == 0)
			fake_write_ticket(TICKET_TEXT);
		if (i == 3)
			(void)kill(test.fake.pid, SIGSTOP);
		login_start(&test.login, "short", "ann", "ssh");
		login_look_at_process(&before);
		(void)pam_open_session(test.login.pamh, 0);
		login_expect_same_process(&before);
		(void)pam_close_session(test.login.pamh, 0);
		login_expect_same_process(&before);
	}
}

static void exports_its_entry_points_and_nothing_else(void **state)
{
	char command[4096];
	char names[1024] = "";
	FILE *nm;

	(void)state;
	(void)snprintf(command, sizeof(command),
		       "nm -D --defined-only -f posix '%s' | sed 's/[ @].*//'", stage_module());
	nm = popen(command, "re");
	assert_non_null(nm);
	names[fread(names, 1, sizeof(names) - 1, nm)] = '\0';
	assert_int_equal(pclose(nm), 0);
	assert_string_equal(names, "pam_sm_acct_mgmt\npam_sm_close_session\npam_sm_open_session\n");
}

/* A module file that is not there lets everybody in. */
static void missing_module_file_costs_nobody_a_login(void **state)
{
	(void)state;
	stage_service("missing", "session required pam_permit.so\n"
				 "session optional /nonexistent/pam_devvm.so\n");
	assert_int_equal(open_as("missing", "ann"), PAM_SUCCESS);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ticket_goes_into_the_environment, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(ticket_asks_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ticket_needs_no_name_lookup, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ticket_says_when_somebody_logged_in, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(touch_is_told_to_who_watches_the_folder, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(ticket_that_cannot_be_touched_is_put_all_the_same,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(stacked_twice_has_the_last_word_about_path, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(stacked_twice_asks_once_and_logs_once, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(stacked_twice_touches_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(session_opened_again_on_one_handle_touches_again,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(bad_ticket_is_no_ticket, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bad_ticket_is_replaced_by_the_helper, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(ticket_replaced_under_the_reader, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(ready_helper_gives_the_environment, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(progress_and_rows_are_passed_over, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(not_ours_is_silent, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ready_without_a_good_ticket_is_logged, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(ticket_that_came_meanwhile_is_taken, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(service_name_cannot_break_the_question, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(absent_helper, set_up, tear_down),
		cmocka_unit_test_setup_teardown(full_queue, set_up, tear_down),
		cmocka_unit_test_setup_teardown(slow_helper, set_up, tear_down),
		cmocka_unit_test_setup_teardown(helper_that_never_stops_talking, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stopped_helper, set_up, tear_down),
		cmocka_unit_test_setup_teardown(dying_helper, set_up, tear_down),
		cmocka_unit_test_setup_teardown(helper_that_talks_nonsense, set_up, tear_down),
		cmocka_unit_test_setup_teardown(helper_of_another_version, set_up, tear_down),
		cmocka_unit_test_setup_teardown(helper_that_refuses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(impostor, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_descriptor_left, set_up, tear_down),
		cmocka_unit_test_setup_teardown(root_and_strange_names_are_skipped, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(session_without_a_name_is_skipped, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(service_manager_is_skipped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(accounts_that_are_no_people_are_not_asked_about,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(caller_must_be_root_in_effect, set_up, tear_down),
		cmocka_unit_test_setup_teardown(text_only_where_it_cannot_get_into_data, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(options_are_checked_and_never_cost_a_login, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(malformed_timeout_leaves_the_default, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(debug_tells_what_happened, set_up, tear_down),
		cmocka_unit_test_setup_teardown(leaves_the_process_as_it_was, set_up, tear_down),
		cmocka_unit_test_setup_teardown(exports_its_entry_points_and_nothing_else, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(missing_module_file_costs_nobody_a_login, set_up,
						tear_down),
	};

	stage_set_module(argc > 1 ? argv[1] : "build/pam_devvm.so");
	stage_enter();
	stage_service("plain", LOGIN_SESSION(""));
	stage_service("systemd-user", LOGIN_SESSION(""));
	stage_service("debug", LOGIN_SESSION("debug"));
	stage_service("short", LOGIN_SESSION("timeout=300ms"));
	stage_service("short-quiet", LOGIN_SESSION("timeout=300ms quiet"));
	stage_service("once", "session required %s\n"
			      "session required pam_env.so readenv=1 envfile=" STAGE
			      "/environment conffile=/dev/null\n");
	stage_service("twice", "session required pam_permit.so\nsession optional %s\n"
			       "session required pam_env.so readenv=1 envfile=" STAGE
			       "/environment conffile=/dev/null\n"
			       "session optional %s\n");
	return cmocka_run_group_tests_name("pam session", tests, NULL, NULL);
}
