/* login.h - what sshd does, as far as a PAM module can tell.
 *
 * Drives libpam with a service of the stage, collects what the module shows to the
 * person and what it writes to the log. The log is caught by defining pam_syslog(3) in
 * the test program: the dynamic linker prefers it to libpam's own.
 */
#ifndef DEVVM_TESTS_LOGIN_H
#define DEVVM_TESTS_LOGIN_H

#include <security/pam_appl.h>
#include <stdbool.h>
#include <stddef.h>

#define LOGIN_MAX_LINES 16
#define LOGIN_LINE_BYTES 1024

struct login_line {
	int kind; /* syslog priority, or PAM message style */
	char text[LOGIN_LINE_BYTES];
};

struct login {
	pam_handle_t *pamh;
	struct login_line log[LOGIN_MAX_LINES];
	int n_log;
	struct login_line shown[LOGIN_MAX_LINES];
	int n_shown;
};

/* Start a transaction on a service of the stage. `user` and `tty` may be NULL. */
void login_start(struct login *login, const char *service, const char *user, const char *tty);
void login_end(struct login *login);

/* Stacks that tell PAM_SUCCESS and PAM_IGNORE apart: the latter falls through to pam_deny,
 * whose answer stands for it. What else the module may answer comes through as it is. Put
 * the module's options where `options` is. */
#define LOGIN_SESSION_IGNORED PAM_SESSION_ERR
#define LOGIN_ACCOUNT_IGNORED PAM_AUTH_ERR
#define LOGIN_SESSION(options)                                                                     \
	"session [success=1 ignore=ignore default=die] %s " options "\n"                           \
	"session [default=die] pam_deny.so\n"                                                      \
	"session required pam_permit.so\n"
#define LOGIN_ACCOUNT(options)                                                                     \
	"account [success=1 ignore=ignore default=die] %s " options "\n"                           \
	"account [default=die] pam_deny.so\n"                                                      \
	"account required pam_permit.so\n"

/* Fail with everything that was logged (shown) unless there are exactly `n` lines. */
void login_expect_log(const struct login *login, int n);
void login_expect_shown(const struct login *login, int n);
/* Fail unless line `i` of the log has this priority and holds each of the two words. */
void login_expect_line(const struct login *login, int i, int priority, const char *word,
		       const char *other_word);

/* What the module does to the process it runs in: compare before and after. */
struct login_process {
	int n_fds, n_threads;
	unsigned int mask_of_files;
	unsigned long handlers; /* a hash of all signal dispositions and of the mask */
	char folder[256];
};

void login_look_at_process(struct login_process *ret_process);
void login_expect_same_process(const struct login_process *before);

#endif
