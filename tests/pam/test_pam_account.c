/* test_pam_account.c - the account phase, and the stacks that pam-auth-update makes of
 * our profiles.
 *
 *   test_pam_account [path of pam_devvm.so] [folder of the profiles, conf/pam-configs]
 *
 * What is asked of the profiles is what the person and the administrator see: a denial
 * denies, whatever else is configured, and a module file that is missing denies nobody.
 */
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "login.h"
#include "stage.h"
#include "wire/paths.h"

#define DENIAL PATH_DENIED "/ann"
#define SENTENCE "Your account has ended; ask wizard."
#define DEFAULT_SENTENCE "Your access to this machine has been withdrawn."

static struct login login;
static char profiles_folder[PATH_MAX];

static int set_up(void **state)
{
	(void)state;
	stage_reset();
	stage_accounts(3, true);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	login_end(&login);
	return 0;
}

static int check(const char *service, const char *user)
{
	login_end(&login);
	login_start(&login, service, user, "ssh");
	return pam_acct_mgmt(login.pamh, 0);
}

static void expect_denied(const char *service, const char *user, const char *sentence)
{
	assert_int_equal(check(service, user), PAM_PERM_DENIED);
	login_expect_shown(&login, 1);
	assert_int_equal(login.shown[0].kind, PAM_ERROR_MSG);
	assert_string_equal(login.shown[0].text, sentence);
	login_expect_log(&login, 1);
	login_expect_line(&login, 0, LOG_NOTICE, user, "access denied");
}

static void expect_silence(const char *service, const char *user)
{
	assert_int_equal(check(service, user), LOGIN_ACCOUNT_IGNORED);
	login_expect_shown(&login, 0);
	login_expect_log(&login, 0);
}

/* ---- what is written down ---- */

static void no_denial_says_nothing(void **state)
{
	(void)state;
	expect_silence("plain", "ann");
	expect_silence("plain", "nobody-of-that-name");
	assert_int_equal(rmdir(PATH_DENIED), 0);
	expect_silence("plain", "ann");
}

static void denial_holds_for_every_service(void **state)
{
	(void)state;
	stage_write_text(DENIAL, 0644, SENTENCE "\n");
	expect_denied("plain", "ann", SENTENCE);
	expect_denied("systemd-user", "ann", SENTENCE);
	expect_silence("plain", "low");
}

static void root_is_never_denied(void **state)
{
	(void)state;
	stage_write_text(PATH_DENIED "/root", 0644, SENTENCE "\n");
	expect_silence("plain", "root");
}

static void strange_names_lead_nowhere(void **state)
{
	static const char *const names[] = {
		"", ".", "..", "../denied/ann", "./ann", "ann/", "Ann"
	};

	(void)state;
	stage_write_text(DENIAL, 0644, SENTENCE "\n");
	for (size_t i = 0; i < DV_COUNT(names); i++)
		expect_silence("plain", names[i]);
	assert_int_equal(check("plain", NULL), LOGIN_ACCOUNT_IGNORED);
	login_expect_shown(&login, 0);
}

#define TEN "0123456789"
#define FIFTY TEN TEN TEN TEN TEN
#define FIVE_HUNDRED FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY

static const struct {
	const char *file;
	const char *shown;
} SENTENCES[] = {
	{ SENTENCE, SENTENCE },
	{ SENTENCE "\nsecond line\n", SENTENCE },
	{ "", DEFAULT_SENTENCE },
	{ "\nsecond line\n", DEFAULT_SENTENCE },
	{ "a\033[2Jb\rc\x7f"
	  "d\te\n",
	  "a?[2Jb?c?d?e" },
	{ "Zug\xc3\xa4nge\n", "Zug\xc3\xa4nge" },
	{ "Zug\xe4nge\n", "Zug?nge" }, /* Latin-1 */
	{ FIVE_HUNDRED TEN "abcdef\n", FIVE_HUNDRED TEN "ab" },
	/* Byte 512 is the first half of a character. */
	{ FIVE_HUNDRED TEN "a\xc3\xa4\n", FIVE_HUNDRED TEN "a" },
};

static void first_line_is_shown_clean(void **state)
{
	(void)state;
	for (size_t i = 0; i < DV_COUNT(SENTENCES); i++) {
		stage_write_text(DENIAL, 0644, SENTENCES[i].file);
		expect_denied("plain", "ann", SENTENCES[i].shown);
	}
}

static void denial_is_silent_where_asked(void **state)
{
	(void)state;
	stage_write_text(DENIAL, 0644, SENTENCE "\n");
	assert_int_equal(check("quiet", "ann"), PAM_PERM_DENIED);
	login_expect_shown(&login, 0);
	login_end(&login);
	login_start(&login, "plain", "ann", NULL);
	assert_int_equal(pam_acct_mgmt(login.pamh, (int)PAM_SILENT), PAM_PERM_DENIED);
	login_expect_shown(&login, 0);
	login_expect_log(&login, 1);
}

/* A screen locker runs as the person. */
static void denial_holds_without_root(void **state)
{
	int code;

	(void)state;
	if (!stage_has_other_uids())
		skip();
	stage_write_text(DENIAL, 0600, SENTENCE "\n");
	login_start(&login, "plain", "ann", NULL);
	assert_int_equal(seteuid(STAGE_OTHER_UID), 0);
	code = pam_acct_mgmt(login.pamh, 0);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(code, PAM_PERM_DENIED);
	login_expect_shown(&login, 1);
	assert_string_equal(login.shown[0].text, DEFAULT_SENTENCE); /* its text is not for all */
}

/* ---- what root has not plainly written lets in, and is logged ---- */

static void plant_owner(void)
{
	stage_write_text(DENIAL, 0644, SENTENCE);
	assert_int_equal(chown(DENIAL, STAGE_OTHER_UID, (gid_t)-1), 0);
}

static void plant_writable(void)
{
	stage_write_text(DENIAL, 0664, SENTENCE);
}

static void plant_symlink(void)
{
	stage_write_text(PATH_DENIED "/bob", 0644, SENTENCE);
	assert_int_equal(symlink("bob", DENIAL), 0);
}

static void plant_folder(void)
{
	assert_int_equal(mkdir(DENIAL, 0755), 0);
}

static void plant_fifo(void)
{
	assert_int_equal(mkfifo(DENIAL, 0644), 0);
}

static void plant_writable_folder(void)
{
	stage_write_text(DENIAL, 0644, SENTENCE);
	assert_int_equal(chmod(PATH_DENIED, 01777), 0);
}

static void plant_foreign_folder(void)
{
	stage_write_text(DENIAL, 0644, SENTENCE);
	assert_int_equal(chown(PATH_DENIED, STAGE_OTHER_UID, (gid_t)-1), 0);
}

static void plant_linked_folder(void)
{
	stage_write_text(DENIAL, 0644, SENTENCE);
	assert_int_equal(rename(PATH_DENIED, "/var/lib/devvm/elsewhere"), 0);
	assert_int_equal(symlink("elsewhere", PATH_DENIED), 0);
}

static void plant_file_for_folder(void)
{
	assert_int_equal(rmdir(PATH_DENIED), 0);
	stage_write_text(PATH_DENIED, 0644, SENTENCE);
}

static const struct {
	void (*plant)(void);
	const char *word;
	bool needs_other_uids;
} PLANTED[] = {
	{ plant_owner, DENIAL " belongs to uid 1234", true },
	{ plant_writable, "others than root may write " DENIAL, false },
	{ plant_symlink, DENIAL " is not a regular file", false },
	{ plant_folder, DENIAL " is not a regular file", false },
	{ plant_fifo, DENIAL " is not a regular file", false },
	{ plant_writable_folder, "others than root may write " PATH_DENIED, false },
	{ plant_foreign_folder, PATH_DENIED " belongs to uid 1234", true },
	{ plant_linked_folder, PATH_DENIED " is not a folder", false },
	{ plant_file_for_folder, PATH_DENIED " is not a folder", false },
};

static void planted_denial_is_not_believed(void **state)
{
	for (size_t i = 0; i < DV_COUNT(PLANTED); i++) {
		if (PLANTED[i].needs_other_uids && !stage_has_other_uids())
			continue;
		(void)set_up(state);
		PLANTED[i].plant();
		assert_int_equal(check("plain", "ann"), LOGIN_ACCOUNT_IGNORED);
		login_expect_shown(&login, 0);
		login_expect_log(&login, 1);
		login_expect_line(&login, 0, LOG_ERR, "ann: a denial is not believed",
				  PLANTED[i].word);
	}
}

static void folder_that_may_not_be_searched(void **state)
{
	int code;

	(void)state;
	if (!stage_has_other_uids())
		skip();
	assert_int_equal(chmod("/var/lib/devvm", 0700), 0);
	login_start(&login, "plain", "ann", NULL);
	assert_int_equal(seteuid(STAGE_OTHER_UID), 0);
	code = pam_acct_mgmt(login.pamh, 0);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(code, LOGIN_ACCOUNT_IGNORED);
	login_expect_log(&login, 1);
	login_expect_line(&login, 0, LOG_ERR, "not believed", "Permission denied");
}

static void leaves_the_process_as_it_was(void **state)
{
	struct login_process before;

	(void)state;
	stage_write_text(DENIAL, 0644, SENTENCE "\n");
	login_start(&login, "plain", "ann", NULL);
	login_look_at_process(&before);
	assert_int_equal(pam_acct_mgmt(login.pamh, 0), PAM_PERM_DENIED);
	login_expect_same_process(&before);
}

static void options_are_checked_here_too(void **state)
{
	(void)state;
	stage_service("options", LOGIN_ACCOUNT("verbose"));
	assert_int_equal(check("options", "ann"), LOGIN_ACCOUNT_IGNORED);
	login_expect_log(&login, 1);
	login_expect_line(&login, 0, LOG_WARNING, "unknown option verbose", "");
	stage_service("options", LOGIN_ACCOUNT("debug"));
	assert_int_equal(check("options", "ann"), LOGIN_ACCOUNT_IGNORED);
	login_expect_log(&login, 1);
	login_expect_line(&login, 0, LOG_DEBUG, "ann: not denied", "");
}

/* ---- the stacks of a Debian machine, made by its own pam-auth-update ---- */

#define TREE STAGE "/tree"
#define COMMON TREE "/etc/pam.d/common-"

/* As sssd's package has it: local people never reach what stands behind it. */
#define LOCALUSER_PROFILE                                                                          \
	"Name: local\nDefault: yes\nPriority: 128\nAccount-Type: Additional\nAccount:\n"           \
	"\tsufficient\tpam_localuser.so\n"

static void run(const char *command)
{
	if (system(command) != 0)
		stage_fail("%s", command);
}

static int make_stacks(void **state)
{
	char command[PATH_MAX + 256];

	(void)set_up(state);
	if (access("/usr/sbin/pam-auth-update", X_OK) < 0)
		return 0;
	/* debconf's own memory of the machine stays out of it. */
	if (mount("tmpfs", "/var/cache/debconf", "tmpfs", 0, NULL) < 0)
		stage_fail("mount a tmpfs on /var/cache/debconf");
	run("mkdir -p " TREE "/etc/pam.d " TREE "/var/lib/pam " TREE "/usr/share/pam-configs");
	run("cd /usr/share/pam-configs && cp unix systemd " TREE "/usr/share/pam-configs");
	run("DEBIAN_FRONTEND=noninteractive pam-auth-update --root " TREE " --force");
	run("mkdir " TREE "/before && cp " COMMON "* " TREE "/before");
	(void)snprintf(command, sizeof(command), "cp '%s'/* " TREE "/usr/share/pam-configs",
		       profiles_folder);
	run(command);
	stage_write_text(TREE "/usr/share/pam-configs/local", 0644, LOCALUSER_PROFILE);
	run("DEBIAN_FRONTEND=noninteractive pam-auth-update --root " TREE " --package");
	return 0;
}

static void need_stacks(void)
{
	if (access(COMMON "account", R_OK) < 0)
		skip();
}

/* Install a generated stack as a service, with `module` for our module's name. */
static void take_stack(const char *service, const char *type, const char *module)
{
	char command[PATH_MAX * 2];

	(void)snprintf(command, sizeof(command),
		       "sed 's|pam_devvm.so|%s|' " COMMON "%s >" STAGE_CONFDIR "/%s", module, type,
		       service);
	run(command);
}

static void set_shadow(const char *fields)
{
	char line[128];

	(void)snprintf(line, sizeof(line), "root:*:19000:0:99999:7:::\nann:%s\n", fields);
	stage_write_text(STAGE "/shadow", 0, line);
}

#define IN_ORDER "*:19000:0:99999:7:::"
#define PASSWORD_EXPIRED "*:0:0:99999:7:::"
#define ACCOUNT_EXPIRED "*:19000:0:99999:7::1:"

static void real_account_stack_denies_only_what_is_written_down(void **state)
{
	(void)state;
	need_stacks();
	take_stack("real", "account", stage_module());
	set_shadow(IN_ORDER);
	assert_int_equal(check("real", "ann"), PAM_SUCCESS);
	stage_write_text(DENIAL, 0644, SENTENCE "\n");
	expect_denied("real", "ann", SENTENCE);
	assert_int_equal(check("real", "root"), PAM_SUCCESS);
	/* pam_unix ends the stack early when the password is to be changed: a denial that
	 * stood behind it would not be seen. */
	set_shadow(PASSWORD_EXPIRED);
	expect_denied("real", "ann", SENTENCE);
	assert_int_equal(unlink(DENIAL), 0);
	assert_int_equal(check("real", "ann"), PAM_NEW_AUTHTOK_REQD);
}

static void real_account_stack_without_our_module(void **state)
{
	(void)state;
	need_stacks();
	take_stack("real", "account", "/nonexistent/pam_devvm.so");
	stage_write_text(DENIAL, 0644, SENTENCE "\n");
	set_shadow(IN_ORDER);
	assert_int_equal(check("real", "ann"), PAM_SUCCESS);
	assert_int_equal(check("real", "root"), PAM_SUCCESS);
	/* What others deny stays denied. */
	set_shadow(ACCOUNT_EXPIRED);
	assert_int_equal(check("real", "ann"), PAM_AUTH_ERR); /* by pam_deny */
}

static void real_account_stack_does_not_let_in_whom_others_deny(void **state)
{
	(void)state;
	need_stacks();
	take_stack("real", "account", stage_module());
	set_shadow(ACCOUNT_EXPIRED);
	assert_int_equal(check("real", "ann"), PAM_AUTH_ERR); /* by pam_deny */
}

static int open_real_session(const char *module)
{
	take_stack("real", "session", module);
	login_end(&login);
	login_start(&login, "real", "ann", "ssh");
	return pam_open_session(login.pamh, 0);
}

static void real_session_stack_opens_with_and_without_our_module(void **state)
{
	(void)state;
	need_stacks();
	set_shadow(IN_ORDER);
	stage_write_text(PATH_TICKETS "/ann", 0600, "#devvm-ticket 1\nPATH=/x\n");
	assert_int_equal(open_real_session(stage_module()), PAM_SUCCESS);
	assert_string_equal(pam_getenv(login.pamh, "PATH"), "/x");
	assert_int_equal(open_real_session("/nonexistent/pam_devvm.so"), PAM_SUCCESS);
	assert_null(pam_getenv(login.pamh, "PATH"));
}

static void expect_lines(const char *command, const char *expected)
{
	char found[1024] = "";
	FILE *output = popen(command, "re");

	assert_non_null(output);
	found[fread(found, 1, sizeof(found) - 1, output)] = '\0';
	(void)pclose(output);
	assert_string_equal(found, expected);
}

static void session_line_stands_last_and_only_in_interactive_stacks(void **state)
{
	(void)state;
	need_stacks();
	expect_lines("grep -ho 'pam_[a-z]*.so' " COMMON "session",
		     "pam_permit.so\npam_deny.so\npam_permit.so\npam_unix.so\npam_systemd.so\n"
		     "pam_devvm.so\n");
	expect_lines("grep -h pam_devvm " COMMON "session-noninteractive", "");
}

static void removing_the_profiles_leaves_no_trace(void **state)
{
	(void)state;
	need_stacks();
	run("DEBIAN_FRONTEND=noninteractive pam-auth-update --root " TREE
	    " --remove devvm devvm-denied local");
	expect_lines("cd " TREE "/etc/pam.d && for f in common-*; do diff $f ../../before/$f; done",
		     "");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_denial_says_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(denial_holds_for_every_service, set_up, tear_down),
		cmocka_unit_test_setup_teardown(root_is_never_denied, set_up, tear_down),
		cmocka_unit_test_setup_teardown(strange_names_lead_nowhere, set_up, tear_down),
		cmocka_unit_test_setup_teardown(first_line_is_shown_clean, set_up, tear_down),
		cmocka_unit_test_setup_teardown(denial_is_silent_where_asked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(denial_holds_without_root, set_up, tear_down),
		cmocka_unit_test_setup_teardown(planted_denial_is_not_believed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(folder_that_may_not_be_searched, set_up, tear_down),
		cmocka_unit_test_setup_teardown(leaves_the_process_as_it_was, set_up, tear_down),
		cmocka_unit_test_setup_teardown(options_are_checked_here_too, set_up, tear_down),
		cmocka_unit_test_setup_teardown(real_account_stack_denies_only_what_is_written_down,
						make_stacks, tear_down),
		cmocka_unit_test_setup_teardown(real_account_stack_without_our_module, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(real_account_stack_does_not_let_in_whom_others_deny,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			real_session_stack_opens_with_and_without_our_module, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			session_line_stands_last_and_only_in_interactive_stacks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(removing_the_profiles_leaves_no_trace, set_up,
						tear_down),
	};

	stage_set_module(argc > 1 ? argv[1] : "build/pam_devvm.so");
	if (!realpath(argc > 2 ? argv[2] : "conf/pam-configs", profiles_folder))
		stage_fail("find the profiles");
	stage_enter();
	stage_service("plain", LOGIN_ACCOUNT(""));
	stage_service("systemd-user", LOGIN_ACCOUNT(""));
	stage_service("quiet", LOGIN_ACCOUNT("quiet"));
	return cmocka_run_group_tests_name("pam account", tests, NULL, NULL);
}
