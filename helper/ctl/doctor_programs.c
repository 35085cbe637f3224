/* doctor_programs.c - checks of the programs a person finds: claude, npm's copy of it, node. */
#include "ctl/doctor.h"

#include "base/packages.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "store/node.h"

#define NPM_FIX "sudo npm uninstall -g @anthropic-ai/claude-code"

/* The first program of that name on `path`; owned by the caller, NULL when there is none. */
static char *find_on_path(const char *path, const char *name)
{
	DV_AUTO_FREE char *copy = strdup(path);
	char *rest = copy;
	char *folder;

	while ((folder = strsep(&rest, ":"))) {
		char *found = NULL;
		struct stat st;

		if (*folder != '/' || asprintf(&found, "%s/%s", folder, name) < 0)
			continue;
		if (stat(found, &st) == 0 && S_ISREG(st.st_mode) && access(found, X_OK) == 0)
			return found;
		free(found);
	}
	return NULL;
}

/* As that person, with the PATH of a ticket, and nothing but a lookup. */
static char *ask_as_person(const struct doctor *doctor)
{
	static const char look[] = "PATH=$HOME/.local/bin:/usr/local/bin:/usr/bin:/bin; "
				   "command -v claude";
	char uid[24], gid[24];
	const char *const argv[] = { "setpriv",	    "--reuid", uid,
				     "--regid",	    gid,       "--init-groups",
				     "--reset-env", "--",      "sh",
				     "-c",	    look,      NULL };
	DV_AUTO_FREE struct process_result *result = malloc(sizeof(*result));

	(void)snprintf(uid, sizeof(uid), "%u", doctor->uid);
	(void)snprintf(gid, sizeof(gid), "%u", doctor->gid);
	if (!result || doctor->run(doctor, argv, result, NULL) < 0 || result->exit_status != 0)
		return NULL;
	result->output[strcspn(result->output, "\n")] = '\0';
	return *result->output == '/' ? strdup(result->output) : NULL;
}

void doctor_check_packages(struct doctor *doctor)
{
	const struct str_list *wanted = &doctor->config.packages;
	DV_AUTO_FREE struct process_result *result = malloc(sizeof(*result));
	DV_AUTO_FREE const char **argv = packages_query(wanted);
	DV_AUTO_STR_LIST struct str_list missing = { 0 };
	DV_AUTO_FREE char *names = NULL;
	struct dv_error err = { "" };

	if (wanted->n_items == 0)
		return;
	if (!result || !argv) {
		doctor->is_short = true;
		return;
	}
	if (doctor->run(doctor, argv, result, &err) < 0)
		doctor_add(doctor, DOCTOR_MACHINE, "take packages out of devvm.yaml",
			   "dpkg-query cannot be run: %s", err.text);
	else if (packages_find_missing(wanted, result->output, &missing) < 0)
		doctor->is_short = true;
	if (missing.n_items == 0)
		return;
	names = str_list_join(&missing, ", ");
	doctor_add(doctor, DOCTOR_MACHINE, "sudo devvmctl machine --packages", "not installed: %s",
		   names ? names : "some packages");
}

static bool is_of_npm(const char *program)
{
	char resolved[PATH_MAX];

	return realpath(program, resolved) && strstr(resolved, "/node_modules/");
}

static void judge_claude(struct doctor *doctor, const char *found, const char *own)
{
	char ensure[64], turn_on[256];

	(void)snprintf(
		turn_on, sizeof(turn_on),
		"set claude.source in /etc/devvm/devvm.yaml (examples: man devvm.yaml), then "
		"sudo devvmctl machine, then devvmctl ensure %s --wait",
		doctor->user);
	(void)snprintf(ensure, sizeof(ensure), "devvmctl ensure %s --wait", doctor->user);
	if (!found && doctor->config.claude_source == CLAUDE_NONE)
		doctor_add(doctor, doctor->user, turn_on,
			   "has no claude, and nobody is given one: claude.source is none");
	else if (!found)
		doctor_add(doctor, doctor->user, ensure, "has no claude");
	else if (strcmp(found, own) == 0)
		return;
	else if (is_of_npm(found))
		doctor_add(doctor, doctor->user, NPM_FIX,
			   "finds npm's claude, %s, instead of ~/.local/bin/claude", found);
	else
		doctor_add(doctor, doctor->user,
			   "log in again, and look for what your shell's own files do to PATH",
			   "finds %s instead of ~/.local/bin/claude", found);
}

void doctor_check_claude(struct doctor *doctor)
{
	DV_AUTO_FREE char *own = NULL;
	DV_AUTO_FREE char *found = NULL;

	if (!doctor->path && !doctor->is_root) {
		doctor_skip(doctor, "looks at somebody else: ask as root, or let them ask");
		return;
	}
	if (asprintf(&own, "%s/.local/bin/claude", doctor->home) < 0) {
		doctor->is_short = true;
		return;
	}
	found = doctor->path ? find_on_path(doctor->path, "claude") : ask_as_person(doctor);
	judge_claude(doctor, found, own);
}

void doctor_check_npm(struct doctor *doctor)
{
	static const char *const places[] = { "usr/local/bin/claude", "usr/bin/claude" };

	for (size_t i = 0; i < DV_COUNT(places); i++) {
		char target[PATH_MAX] = "";
		ssize_t n =
			readlinkat(doctor->env->root_dirfd, places[i], target, sizeof(target) - 1);

		if (n > 0 && strstr(target, "node_modules/"))
			doctor_add(doctor, DOCTOR_MACHINE, NPM_FIX,
				   "/%s is npm's copy of claude and shadows the native one where "
				   "PATH has it first",
				   places[i]);
	}
}

void doctor_check_node(struct doctor *doctor)
{
	for (enum node_purpose purpose = 0; purpose < NODE_N_PURPOSES; purpose++) {
		DV_AUTO_NODE struct node_found found = { 0 };
		struct dv_error err = { "" };

		if (store_find_node(&doctor->config, purpose, &found, &err) < 0)
			doctor_add(doctor, DOCTOR_MACHINE,
				   "install node 22.16 or newer, or set node.path in "
				   "/etc/devvm/devvm.yaml",
				   "%.*s", (int)strcspn(err.text, ";"), err.text);
	}
}
