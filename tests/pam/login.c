/* login.c - see login.h. */
#include "login.h"

#include <dirent.h>
#include <security/pam_ext.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "stage.h"

/* pam_syslog has no argument that leads to the test. */
static struct login *current;

static void append(struct login_line *lines, int *n, int kind, const char *text)
{
	if (*n >= LOGIN_MAX_LINES)
		return;
	lines[*n].kind = kind;
	(void)snprintf(lines[*n].text, LOGIN_LINE_BYTES, "%s", text);
	(*n)++;
}

void pam_syslog(const pam_handle_t *pamh __attribute__((unused)), int priority, const char *format,
		...)
{
	char text[LOGIN_LINE_BYTES];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (current)
		append(current->log, &current->n_log, priority, text);
}

static int converse(int n, const struct pam_message **messages, struct pam_response **ret_answers,
		    void *data)
{
	struct login *login = data;

	for (int i = 0; i < n; i++)
		append(login->shown, &login->n_shown, messages[i]->msg_style, messages[i]->msg);
	*ret_answers = calloc((size_t)n, sizeof(**ret_answers));
	return *ret_answers ? PAM_SUCCESS : PAM_BUF_ERR;
}

void login_start(struct login *login, const char *service, const char *user, const char *tty)
{
	struct pam_conv conversation = { converse, login };

	*login = (struct login){ 0 };
	current = login;
	if (pam_start_confdir(service, user, &conversation, STAGE_CONFDIR, &login->pamh) !=
	    PAM_SUCCESS)
		stage_fail("pam_start_confdir %s", service);
	if (tty && pam_set_item(login->pamh, PAM_TTY, tty) != PAM_SUCCESS)
		stage_fail("set PAM_TTY");
}

void login_end(struct login *login)
{
	if (login->pamh)
		(void)pam_end(login->pamh, PAM_SUCCESS);
	login->pamh = NULL;
	current = NULL;
}

static void print_lines(const char *what, const struct login_line *lines, int n)
{
	for (int i = 0; i < n; i++)
		print_error("%s %d: <%d> %s\n", what, i, lines[i].kind, lines[i].text);
}

void login_expect_log(const struct login *login, int n)
{
	if (login->n_log != n)
		print_lines("log", login->log, login->n_log);
	assert_int_equal(login->n_log, n);
}

void login_expect_shown(const struct login *login, int n)
{
	if (login->n_shown != n)
		print_lines("shown", login->shown, login->n_shown);
	assert_int_equal(login->n_shown, n);
}

void login_expect_line(const struct login *login, int i, int priority, const char *word,
		       const char *other_word)
{
	assert_true(i < login->n_log);
	assert_int_equal(login->log[i].kind, priority);
	if (!strstr(login->log[i].text, word) || !strstr(login->log[i].text, other_word))
		fail_msg("'%s' does not hold '%s' and '%s'", login->log[i].text, word, other_word);
	assert_null(strchr(login->log[i].text, '\n'));
}

static int count_entries(const char *path)
{
	DIR *folder = opendir(path);
	int n = 0;

	if (!folder)
		stage_fail("open %s", path);
	while (readdir(folder))
		n++;
	(void)closedir(folder);
	return n;
}

static unsigned long add_bytes(unsigned long hash, const void *bytes, size_t n_bytes)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < n_bytes; i++)
		hash = (hash ^ at[i]) * 1099511628211UL; /* FNV-1a */
	return hash;
}

void login_look_at_process(struct login_process *ret_process)
{
	struct login_process process = { 0 };
	sigset_t blocked;

	process.n_fds = count_entries("/proc/self/fd");
	process.n_threads = count_entries("/proc/self/task");
	process.mask_of_files = umask(0);
	(void)umask(process.mask_of_files);
	for (int i = 1; i < NSIG; i++) {
		struct sigaction action = { 0 };
		uintptr_t handler;

		if (sigaction(i, NULL, &action) < 0)
			continue; /* the two that libc keeps */
		handler = (uintptr_t)action.sa_handler;
		process.handlers = add_bytes(process.handlers, &handler, sizeof(handler));
		process.handlers =
			add_bytes(process.handlers, &action.sa_flags, sizeof(action.sa_flags));
	}
	(void)sigemptyset(&blocked);
	(void)sigprocmask(SIG_SETMASK, NULL, &blocked);
	for (int i = 1; i < NSIG; i++) {
		int is_blocked = sigismember(&blocked, i);

		process.handlers = add_bytes(process.handlers, &is_blocked, sizeof(is_blocked));
	}
	if (!getcwd(process.folder, sizeof(process.folder)))
		stage_fail("getcwd");
	*ret_process = process;
}

void login_expect_same_process(const struct login_process *before)
{
	struct login_process now;

	login_look_at_process(&now);
	assert_int_equal(now.n_fds, before->n_fds);
	assert_int_equal(now.n_threads, before->n_threads);
	assert_int_equal(now.mask_of_files, before->mask_of_files);
	assert_int_equal(now.handlers, before->handlers);
	assert_string_equal(now.folder, before->folder);
}
