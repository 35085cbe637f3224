/* doctor_programs.c - checks of the programs a person finds: claude, npm's copy of it, node. */
#include "ctl/doctor.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

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
	char uid[24], gid[24];
	static const char search[] = "PATH=$HOME/.local/bin:/usr/local/bin:/usr/bin:/bin; "
				     "command -v claude";
	const char *const argv[] = { "setpriv",	      "--reuid",     uid,  "--regid", gid,
				     "--init-groups", "--reset-env", "--", "sh",      "-c",
				     search,	      NULL };
	DV_AUTO_FREE struct process_result *result = malloc(sizeof(*result));

	(void)snprintf(uid, sizeof(uid), "%u", doctor->uid);
	(void)snprintf(gid, sizeof(gid), "%u", doctor->gid);
	if (!result || doctor->run(doctor, argv, result, NULL) < 0 || result->exit_status != 0)
		return NULL;
	result->output[strcspn(result->output, "\n")] = '\0';
	return *result->output == '/' ? strdup(result->output) : NULL;
}

static bool is_of_npm(const char *program)
{
	char resolved[PATH_MAX];

	return realpath(program, resolved) && strstr(resolved, "/node_modules/");
}

static void judge_claude(struct doctor *doctor, const char *found, const char *own)
{
	char ensure[64];

	(void)snprintf(ensure, sizeof(ensure), "devvmctl ensure %s --wait", doctor->user);
	if (!found && doctor->config.claude_source == CLAUDE_NONE)
		doctor_add(doctor, doctor->user, "set claude.source in /etc/devvm/devvm.yaml",
			   "has no claude, and nobody is given one");
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

/* t3 wants ^22.16 || ^23.11 || >=24.10, and says nothing at all on an older one. */
static bool is_new_enough(unsigned long major, unsigned long minor)
{
	return (major == 22 && minor >= 16) || (major == 23 && minor >= 11) ||
	       (major == 24 && minor >= 10) || major > 24;
}

/* "v22.16.0", as node says it. */
static bool parse_version(const char *text, unsigned long *ret_major, unsigned long *ret_minor)
{
	char *end;

	if (text[0] != 'v' || !isdigit((unsigned char)text[1]))
		return false;
	*ret_major = strtoul(text + 1, &end, 10);
	if (end[0] != '.' || !isdigit((unsigned char)end[1]))
		return false;
	*ret_minor = strtoul(end + 1, &end, 10);
	return *end == '.';
}

void doctor_check_node(struct doctor *doctor)
{
	static const char *const argv[] = { "node", "--version", NULL };
	static const char fix[] = "install node 22.16 or newer, or set node.path in "
				  "/etc/devvm/devvm.yaml";
	DV_AUTO_FREE struct process_result *result = malloc(sizeof(*result));
	unsigned long major = 0, minor = 0;

	if (!result)
		doctor->is_short = true;
	else if (doctor->run(doctor, argv, result, NULL) < 0 || result->exit_status != 0 ||
		 !parse_version(result->output, &major, &minor))
		doctor_add(doctor, DOCTOR_MACHINE, fix,
			   "there is no node, which t3 and playwright run on");
	else if (!is_new_enough(major, minor))
		doctor_add(doctor, DOCTOR_MACHINE, fix,
			   "node is %lu.%lu, and t3 wants 22.16 or newer", major, minor);
}
