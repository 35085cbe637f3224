/* cmd_pam.c - `devvmctl pam enable|disable|status`.
 *
 * enable: pam-auth-update(8) puts the profiles into the common stacks, then our line goes
 * to the end of sshd's. disable goes the other way round. Both may be repeated, and
 * neither touches what an administrator wrote.
 */
#include "ctl/cmd_pam.h"

#include <getopt.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "ctl/commands.h"
#include "ctl/pam_stack.h"

#define PROFILES "usr/share/pam-configs"
#define SSHD_PATH "etc/pam.d/sshd"
#define STACK_MAX_BYTES 65536
#define TOOL_MS 60000

/* The profiles, and the stack each of them puts the module into. */
static const struct {
	const char *profile;
	const char *stack;
} COMMON[] = {
	{ "devvm", "etc/pam.d/common-session" },
	{ "devvm-denied", "etc/pam.d/common-account" },
};

static enum ctl_exit fail(const struct ctl *ctl, const struct dv_error *error)
{
	ctl_say(ctl, "%s", error->text);
	return CTL_FAILED;
}

static int run_tool(const struct pam_machine *machine, const char *action, struct dv_error *err)
{
	const char *const argv[] = { machine->tool,	"--package",	   action,
				     COMMON[0].profile, COMMON[1].profile, NULL };
	/* It asks questions through debconf unless told that nobody is there to answer. */
	const char *const envp[] = {
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
		"DEBIAN_FRONTEND=noninteractive",
		"LC_ALL=C.UTF-8",
		NULL,
	};
	const struct process_spec spec = {
		.argv = argv,
		.envp = envp,
		.deadline_ms = clock_deadline_ms(TOOL_MS),
	};

	return process_run_ok(&spec, err);
}

static int is_called_in(const struct pam_machine *machine, const char *stack, bool *ret_is_called,
			struct dv_error *err)
{
	DV_AUTO_FREE char *text = NULL;
	size_t n_bytes = 0;
	int r = file_read(machine->env->root_dirfd, stack, STACK_MAX_BYTES, &text, &n_bytes, NULL,
			  err);

	if (r < 0)
		return r;
	*ret_is_called = pam_stack_calls_module(text);
	return 0;
}

/* Whether pam-auth-update did it: it leaves stacks alone that were changed by hand. */
static int check_common(const struct ctl *ctl, const struct pam_machine *machine, bool is_wanted,
			struct dv_error *err)
{
	for (size_t i = 0; i < DV_COUNT(COMMON); i++) {
		bool is_called = false;
		int r = is_called_in(machine, COMMON[i].stack, &is_called, err);

		if (r < 0)
			return r;
		if (is_called && !is_wanted)
			return dv_refuse(err, -EEXIST,
					 "/%s still calls pam_devvm.so: it was changed by hand, "
					 "take the line out there",
					 COMMON[i].stack);
		if (!is_called && is_wanted)
			return dv_refuse(err, -ENOENT,
					 "pam-auth-update left /%s as it is, because it was "
					 "changed by hand: add the line of pam_devvm(8) there, or "
					 "run pam-auth-update --force",
					 COMMON[i].stack);
		(void)fprintf(ctl->out, "/%s: %s pam_devvm.so.\n", COMMON[i].stack,
			      is_called ? "calls" : "does not call");
	}
	return 0;
}

/* Rewrite sshd's stack with `edit`, keeping mode and owner. Without the file there is
 * nothing to do. */
static int edit_sshd(const struct pam_machine *machine,
		     int (*edit)(const char *text, char **ret_text, struct dv_error *err),
		     enum pam_stack_state *ret_state, struct dv_error *err)
{
	int dirfd = machine->env->root_dirfd;
	DV_AUTO_FREE char *before = NULL;
	DV_AUTO_FREE char *after = NULL;
	struct file_spec spec = { 0 };
	size_t n_bytes = 0;
	struct stat st;
	int r = file_read(dirfd, SSHD_PATH, STACK_MAX_BYTES, &before, &n_bytes, &st, err);

	if (r == -ENOENT) {
		*ret_state = PAM_STACK_UNSET;
		return 0;
	}
	if (r < 0)
		return r;
	if (strlen(before) != n_bytes)
		return dv_refuse(err, -EINVAL, "/%s has a NUL byte", SSHD_PATH);
	r = edit(before, &after, err);
	if (r < 0)
		return dv_prefix(err, r, "/%s", SSHD_PATH);
	spec = (struct file_spec){
		.data = after,
		.n_bytes = strlen(after),
		.mode = st.st_mode & 07777,
		.uid = st.st_uid,
		.gid = st.st_gid,
	};
	if (strcmp(before, after) != 0)
		r = file_replace(dirfd, SSHD_PATH, &spec, err);
	if (r < 0)
		return r;
	*ret_state = pam_stack_state_of(after);
	return 0;
}

static void print_sshd(const struct ctl *ctl, enum pam_stack_state state)
{
	const char *words = "";

	switch (state) {
	case PAM_STACK_UNSET:
		words = "there is no such file (sshd is not installed)";
		break;
	case PAM_STACK_ABSENT:
		words = "no line of devvm";
		break;
	case PAM_STACK_PRESENT:
		words = "ends with the line of devvm";
		break;
	case PAM_STACK_MISPLACED:
		words = "the line of devvm is not the last one, or there twice; devvmctl pam "
			"enable "
			"puts that right";
		break;
	case PAM_STACK_FOREIGN:
		words = "calls pam_devvm.so in a line of your own, which is left alone; it has to "
			"stand after pam_env.so";
		break;
	case PAM_STACK_COMMENTED:
		words = "you commented pam_devvm.so out, which is left so; a PATH in "
			"/etc/environment wins over ours in ssh sessions";
		break;
	}
	(void)fprintf(ctl->out, "/%s: %s.\n", SSHD_PATH, words);
}

static int check_tool(const struct pam_machine *machine, struct dv_error *err)
{
	if (access(machine->tool, X_OK) < 0)
		return dv_refuse(err, -ENOENT,
				 "%s is not there; this machine's PAM stacks are edited by hand "
				 "(pam_devvm(8) has the lines)",
				 machine->tool);
	return 0;
}

static int check_profiles(const struct pam_machine *machine, struct dv_error *err)
{
	for (size_t i = 0; i < DV_COUNT(COMMON); i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), PROFILES "/%s", COMMON[i].profile); /* fits */
		if (faccessat(machine->env->root_dirfd, path, R_OK, 0) < 0)
			return dv_fail(err, -errno, "the profile /%s (is devvm installed?)", path);
	}
	return 0;
}

enum ctl_exit pam_run_enable(const struct ctl *ctl, const struct pam_machine *machine)
{
	enum pam_stack_state state = PAM_STACK_UNSET;
	struct dv_error error = { 0 };

	if (check_tool(machine, &error) < 0 || check_profiles(machine, &error) < 0 ||
	    run_tool(machine, "--enable", &error) < 0 ||
	    check_common(ctl, machine, true, &error) < 0 ||
	    edit_sshd(machine, pam_stack_enable, &state, &error) < 0)
		return fail(ctl, &error);
	print_sshd(ctl, state);
	return CTL_OK;
}

enum ctl_exit pam_run_disable(const struct ctl *ctl, const struct pam_machine *machine)
{
	enum pam_stack_state state = PAM_STACK_UNSET;
	struct dv_error error = { 0 };

	if (check_tool(machine, &error) < 0 ||
	    edit_sshd(machine, pam_stack_disable, &state, &error) < 0 ||
	    run_tool(machine, "--disable", &error) < 0 ||
	    check_common(ctl, machine, false, &error) < 0)
		return fail(ctl, &error);
	print_sshd(ctl, state);
	return CTL_OK;
}

static int keep(const char *text, char **ret_text, struct dv_error *err)
{
	*ret_text = strdup(text);
	return *ret_text ? 0 : dv_fail(err, -ENOMEM, "read the stack");
}

enum ctl_exit pam_run_status(const struct ctl *ctl, const struct pam_machine *machine)
{
	enum pam_stack_state state = PAM_STACK_UNSET;
	struct dv_error error = { 0 };

	for (size_t i = 0; i < DV_COUNT(COMMON); i++) {
		bool is_called = false;

		if (is_called_in(machine, COMMON[i].stack, &is_called, &error) < 0)
			return fail(ctl, &error);
		(void)fprintf(ctl->out, "/%s: %s pam_devvm.so.\n", COMMON[i].stack,
			      is_called ? "calls" : "does not call");
	}
	if (edit_sshd(machine, keep, &state, &error) < 0)
		return fail(ctl, &error);
	print_sshd(ctl, state);
	return CTL_OK;
}

int pam_find_trouble(const struct pam_machine *machine, char ret_what[static ERROR_MAX_BYTES],
		     struct dv_error *err)
{
	enum pam_stack_state state = PAM_STACK_UNSET;
	int r = 0;

	ret_what[0] = '\0';
	for (size_t i = 0; i < DV_COUNT(COMMON); i++) {
		bool is_called = false;

		r = is_called_in(machine, COMMON[i].stack, &is_called, err);
		if (r < 0)
			return r;
		if (is_called)
			continue;
		(void)snprintf(ret_what, ERROR_MAX_BYTES, "/%s does not call pam_devvm.so",
			       COMMON[i].stack);
		return 0;
	}
	r = edit_sshd(machine, keep, &state, err);
	if (r == 0 && (state == PAM_STACK_ABSENT || state == PAM_STACK_MISPLACED))
		(void)snprintf(ret_what, ERROR_MAX_BYTES, "/%s does not end with the line of devvm",
			       SSHD_PATH);
	return r;
}

int cmd_pam(int argc, char **argv)
{
	static const struct option options[] = { { 0 } };
	static const struct {
		const char *name;
		bool for_root;
		enum ctl_exit (*run)(const struct ctl *ctl, const struct pam_machine *machine);
	} actions[] = {
		{ "enable", true, pam_run_enable },
		{ "disable", true, pam_run_disable },
		{ "status", false, pam_run_status },
	};
	DV_AUTO_ENV struct env env = ENV_EMPTY;
	const struct pam_machine machine = { .env = &env, .tool = PAM_UPDATE_TOOL };
	struct dv_error error = { 0 };
	struct ctl ctl;

	ctl_init(&ctl);
	if (ctl_option(&ctl, argc, argv, ":", options) != -1)
		return CTL_USAGE;
	for (size_t i = 0; i < DV_COUNT(actions) && argc - optind == 1; i++) {
		if (strcmp(argv[optind], actions[i].name) != 0)
			continue;
		if (actions[i].for_root && geteuid() != 0) {
			ctl_say(&ctl, "pam %s is for root", actions[i].name);
			return CTL_DENIED;
		}
		if (env_init(&env, "/", &error) < 0)
			return (int)fail(&ctl, &error);
		return (int)actions[i].run(&ctl, &machine);
	}
	ctl_say(&ctl, "pam wants one of enable, disable, status");
	return CTL_USAGE;
}
