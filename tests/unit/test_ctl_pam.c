/* test_ctl_pam.c - our line in sshd's PAM stack, and `devvmctl pam` on a scratch machine
 * with a stand-in for pam-auth-update. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/file.h"
#include "ctl/cmd_pam.h"
#include "ctl/pam_stack.h"

#define STACK "@include common-session\nsession required pam_env.so\n@include common-password\n"
#define OURS PAM_STACK_LINE "\n"
#define COMMENTED "#session optional pam_devvm.so # devvm: off\n"
#define FOREIGN "session  optional  pam_devvm.so timeout=1\n"

static void assert_enabled(const char *before, const char *expected)
{
	DV_AUTO_FREE char *after = NULL;
	DV_AUTO_FREE char *again = NULL;

	assert_int_equal(pam_stack_enable(before, &after, NULL), 0);
	assert_string_equal(after, expected);
	assert_int_equal(pam_stack_enable(after, &again, NULL), 0);
	assert_string_equal(again, expected);
}

static void assert_disabled(const char *before, const char *expected)
{
	DV_AUTO_FREE char *after = NULL;

	assert_int_equal(pam_stack_disable(before, &after, NULL), 0);
	assert_string_equal(after, expected);
}

static void line_comes_last_and_once(void **state DV_UNUSED)
{
	assert_enabled("", OURS);
	assert_enabled(STACK, STACK OURS);
	assert_enabled("session required pam_env.so", "session required pam_env.so\n" OURS);
	assert_enabled(OURS STACK OURS, STACK OURS);
	assert_enabled(STACK OURS "session optional pam_x.so\n",
		       STACK "session optional pam_x.so\n" OURS);
}

static void line_of_an_older_version_is_replaced(void **state DV_UNUSED)
{
	assert_enabled(STACK "session optional pam_devvm.so quiet # devvm: old words\n",
		       STACK OURS);
}

static void administrators_decision_stands(void **state DV_UNUSED)
{
	assert_enabled(STACK COMMENTED, STACK COMMENTED);
	assert_enabled(STACK "  # -session optional pam_devvm.so\n",
		       STACK "  # -session optional pam_devvm.so\n");
	assert_enabled(STACK FOREIGN, STACK FOREIGN);
	assert_disabled(STACK FOREIGN COMMENTED, STACK FOREIGN COMMENTED);
}

static void prose_about_the_module_is_no_line(void **state DV_UNUSED)
{
	assert_enabled("# see pam_devvm.so\n", "# see pam_devvm.so\n" OURS);
	assert_enabled("account optional pam_devvm.so\n", "account optional pam_devvm.so\n" OURS);
}

static void disable_takes_our_lines_alone(void **state DV_UNUSED)
{
	assert_disabled("", "");
	assert_disabled(STACK OURS, STACK);
	assert_disabled(OURS STACK OURS "x", STACK "x");
	assert_disabled(STACK, STACK);
}

static void continued_last_line_is_refused(void **state DV_UNUSED)
{
	struct dv_error error = { 0 };
	char *after = NULL;

	assert_int_equal(pam_stack_enable("session required \\\n", &after, &error), -EINVAL);
	assert_string_equal(error.text, "the last line ends with a backslash");
	assert_int_equal(pam_stack_enable("session required \\", &after, NULL), -EINVAL);
	assert_null(after);
}

static void states_are_told_apart(void **state DV_UNUSED)
{
	assert_int_equal(pam_stack_state_of(""), PAM_STACK_ABSENT);
	assert_int_equal(pam_stack_state_of(STACK OURS), PAM_STACK_PRESENT);
	assert_int_equal(pam_stack_state_of(STACK PAM_STACK_LINE), PAM_STACK_PRESENT);
	assert_int_equal(pam_stack_state_of(OURS STACK), PAM_STACK_MISPLACED);
	assert_int_equal(pam_stack_state_of(OURS OURS), PAM_STACK_MISPLACED);
	assert_int_equal(pam_stack_state_of(STACK FOREIGN), PAM_STACK_FOREIGN);
	assert_int_equal(pam_stack_state_of(COMMENTED STACK), PAM_STACK_COMMENTED);
}

static void module_is_found_in_any_stack(void **state DV_UNUSED)
{
	assert_false(pam_stack_calls_module(""));
	assert_false(pam_stack_calls_module("# pam_devvm.so\n\t#x pam_devvm.so\n"));
	assert_true(pam_stack_calls_module("account [success=ok] pam_devvm.so"));
	assert_true(pam_stack_calls_module(STACK OURS));
}

/* A machine in a scratch folder. */
struct scratch_machine {
	char folder[64];
	char tool[96];
	struct env env;
	struct pam_machine machine;
	struct ctl ctl;
	char *out, *messages;
	size_t n_out, n_messages;
};

static void put(const struct scratch_machine *scratch, const char *path, const char *text,
		mode_t mode)
{
	const struct file_spec spec = {
		.data = text,
		.n_bytes = strlen(text),
		.mode = mode,
		.uid = (uid_t)-1,
		.gid = (gid_t)-1,
	};

	assert_int_equal(file_replace(scratch->env.root_dirfd, path, &spec, NULL), 0);
}

static void assert_file(const struct scratch_machine *scratch, const char *path,
			const char *expected, mode_t mode)
{
	DV_AUTO_FREE char *text = NULL;
	size_t n_bytes = 0;
	struct stat st;

	assert_int_equal(file_read(scratch->env.root_dirfd, path, 65536, &text, &n_bytes, &st,
				   NULL),
			 0);
	assert_string_equal(text, expected);
	assert_int_equal(st.st_mode & 07777, mode);
}

/* Does to the common stacks what the real one does, as far as it shows here. */
#define TOOL                                                                                       \
	"#!/bin/sh\n"                                                                              \
	"cd \"${0%/*}/etc/pam.d\" && echo \"$*\" >>../../asked || exit 9\n"                        \
	"case $2 in\n"                                                                             \
	"--enable) echo 'session optional pam_devvm.so' >common-session\n"                         \
	"	echo 'account optional pam_devvm.so' >common-account ;;\n"                               \
	"--disable) : >common-session; : >common-account ;;\n"                                     \
	"esac\n"

static int machine_start(void **state)
{
	static struct scratch_machine scratch;

	scratch = (struct scratch_machine){ .env = ENV_EMPTY };
	(void)snprintf(scratch.folder, sizeof(scratch.folder), "/tmp/devvm-pam-XXXXXX");
	if (!mkdtemp(scratch.folder))
		return -1;
	if (env_init(&scratch.env, scratch.folder, NULL) < 0 ||
	    file_make_dirs(scratch.env.root_dirfd, "etc/pam.d", 0755, NULL) < 0 ||
	    file_make_dirs(scratch.env.root_dirfd, "usr/share/pam-configs", 0755, NULL) < 0)
		return -1;
	(void)snprintf(scratch.tool, sizeof(scratch.tool), "%s/tool", scratch.folder);
	scratch.machine = (struct pam_machine){ .env = &scratch.env, .tool = scratch.tool };
	scratch.ctl = (struct ctl){
		.out = open_memstream(&scratch.out, &scratch.n_out),
		.messages = open_memstream(&scratch.messages, &scratch.n_messages),
		.bar_fd = -1,
	};
	put(&scratch, "tool", TOOL, 0755);
	put(&scratch, "usr/share/pam-configs/devvm", "", 0644);
	put(&scratch, "usr/share/pam-configs/devvm-denied", "", 0644);
	put(&scratch, "etc/pam.d/common-session", "", 0644);
	put(&scratch, "etc/pam.d/common-account", "", 0644);
	put(&scratch, "etc/pam.d/sshd", STACK, 0640);
	*state = &scratch;
	return 0;
}

static int machine_end(void **state)
{
	struct scratch_machine *scratch = *state;
	char command[96];

	(void)fclose(scratch->ctl.out);
	(void)fclose(scratch->ctl.messages);
	free(scratch->out);
	free(scratch->messages);
	env_done(&scratch->env);
	(void)snprintf(command, sizeof(command), "rm -rf %s", scratch->folder);
	return system(command);
}

static void assert_said(struct scratch_machine *scratch, const char *part)
{
	(void)fflush(scratch->ctl.out);
	(void)fflush(scratch->ctl.messages);
	if (!strstr(scratch->out, part) && !strstr(scratch->messages, part))
		fail_msg("\"%s\" was not said, but:\n%s%s", part, scratch->out, scratch->messages);
}

static void enable_and_disable(void **state)
{
	struct scratch_machine *s = *state;

	assert_int_equal(pam_run_enable(&s->ctl, &s->machine), CTL_OK);
	assert_file(s, "etc/pam.d/sshd", STACK OURS, 0640);
	assert_said(s, "/etc/pam.d/common-session: calls pam_devvm.so.\n");
	assert_said(s, "/etc/pam.d/common-account: calls pam_devvm.so.\n");
	assert_said(s, "/etc/pam.d/sshd: ends with the line of devvm.\n");
	assert_int_equal(pam_run_enable(&s->ctl, &s->machine), CTL_OK);
	assert_file(s, "etc/pam.d/sshd", STACK OURS, 0640);
	assert_int_equal(pam_run_disable(&s->ctl, &s->machine), CTL_OK);
	assert_file(s, "etc/pam.d/sshd", STACK, 0640);
	assert_said(s, "/etc/pam.d/common-session: does not call pam_devvm.so.\n");
	assert_file(s, "asked",
		    "--package --enable devvm devvm-denied\n"
		    "--package --enable devvm devvm-denied\n"
		    "--package --disable devvm devvm-denied\n",
		    0644);
}

static void status_changes_nothing(void **state)
{
	struct scratch_machine *s = *state;

	assert_int_equal(pam_run_status(&s->ctl, &s->machine), CTL_OK);
	assert_said(s, "/etc/pam.d/common-session: does not call pam_devvm.so.\n");
	assert_said(s, "/etc/pam.d/sshd: no line of devvm.\n");
	put(s, "etc/pam.d/sshd", OURS STACK, 0644);
	assert_int_equal(pam_run_status(&s->ctl, &s->machine), CTL_OK);
	assert_said(s, "devvmctl pam enable puts that right");
	assert_file(s, "etc/pam.d/sshd", OURS STACK, 0644);
}

static void commented_line_is_reported(void **state)
{
	struct scratch_machine *s = *state;

	put(s, "etc/pam.d/sshd", STACK COMMENTED, 0644);
	assert_int_equal(pam_run_enable(&s->ctl, &s->machine), CTL_OK);
	assert_file(s, "etc/pam.d/sshd", STACK COMMENTED, 0644);
	assert_said(s, "you commented pam_devvm.so out, which is left so");
}

static void machine_without_sshd(void **state)
{
	struct scratch_machine *s = *state;

	assert_int_equal(file_remove(s->env.root_dirfd, "etc/pam.d/sshd", NULL), 0);
	assert_int_equal(pam_run_enable(&s->ctl, &s->machine), CTL_OK);
	assert_said(s, "sshd is not installed");
	assert_int_equal(faccessat(s->env.root_dirfd, "etc/pam.d/sshd", F_OK, 0), -1);
}

static void machine_without_the_tool(void **state)
{
	struct scratch_machine *s = *state;

	assert_int_equal(file_remove(s->env.root_dirfd, "tool", NULL), 0);
	assert_int_equal(pam_run_enable(&s->ctl, &s->machine), CTL_FAILED);
	assert_said(s, "is not there; this machine's PAM stacks are edited by hand");
	assert_file(s, "etc/pam.d/sshd", STACK, 0640);
}

static void machine_without_the_profiles(void **state)
{
	struct scratch_machine *s = *state;

	assert_int_equal(file_remove(s->env.root_dirfd, "usr/share/pam-configs/devvm-denied", NULL),
			 0);
	assert_int_equal(pam_run_enable(&s->ctl, &s->machine), CTL_FAILED);
	assert_said(s, "/usr/share/pam-configs/devvm-denied (is devvm installed?)");
}

static void tool_that_leaves_stacks_alone(void **state)
{
	struct scratch_machine *s = *state;

	put(s, "tool", "#!/bin/sh\n", 0755);
	assert_int_equal(pam_run_enable(&s->ctl, &s->machine), CTL_FAILED);
	assert_said(s, "pam-auth-update left /etc/pam.d/common-session as it is");
	assert_file(s, "etc/pam.d/sshd", STACK, 0640);
}

static void tool_that_fails(void **state)
{
	struct scratch_machine *s = *state;

	put(s, "tool", "#!/bin/sh\necho 'debconf is locked' >&2\nexit 1\n", 0755);
	assert_int_equal(pam_run_enable(&s->ctl, &s->machine), CTL_FAILED);
	assert_said(s, "debconf is locked");
}

int main(void)
{
#define ON_MACHINE(test) cmocka_unit_test_setup_teardown(test, machine_start, machine_end)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_comes_last_and_once),
		cmocka_unit_test(line_of_an_older_version_is_replaced),
		cmocka_unit_test(administrators_decision_stands),
		cmocka_unit_test(prose_about_the_module_is_no_line),
		cmocka_unit_test(disable_takes_our_lines_alone),
		cmocka_unit_test(continued_last_line_is_refused),
		cmocka_unit_test(states_are_told_apart),
		cmocka_unit_test(module_is_found_in_any_stack),
		ON_MACHINE(enable_and_disable),
		ON_MACHINE(status_changes_nothing),
		ON_MACHINE(commented_line_is_reported),
		ON_MACHINE(machine_without_sshd),
		ON_MACHINE(machine_without_the_tool),
		ON_MACHINE(machine_without_the_profiles),
		ON_MACHINE(tool_that_leaves_stacks_alone),
		ON_MACHINE(tool_that_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
