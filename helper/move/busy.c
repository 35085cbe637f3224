/* busy.c - see busy.h. */
#include "move/busy.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <systemd/sd-login.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "units/cgroup.h"

#define TABLE_MAX_BYTES (64 * 1024 * 1024) /* of /proc/net/tcp: 400,000 connections */
#define STAT_MAX_BYTES 4096
#define ARGUMENTS_MAX_BYTES (4 * 1024 * 1024)
/* What an idle agent's timers use in ten minutes is less than this, in ticks of 10 ms. */
#define TICKS_OF_WORK 100

static const char *const AGENTS[] = { "claude", "codex", "opencode" };

static void say_busy(struct busy_answer *answer, const char *format, ...) DV_PRINTF(2, 3);
static void say_busy(struct busy_answer *answer, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(answer->why, sizeof(answer->why), format, args); /* cut, it still says it */
	va_end(args);
	answer->verdict = BUSY_BUSY;
}

static void free_strings(char ***strings)
{
	for (char **string = *strings; string && *string; string++)
		free(*string);
	free(*strings);
}

/* A closing one is over but for what was left running in it (tmux); manager and background
 * ones are nobody at a keyboard. */
static bool session_counts(const char *session)
{
	DV_AUTO_FREE char *state = NULL;
	DV_AUTO_FREE char *class = NULL;

	if (sd_session_get_state(session, &state) < 0 || sd_session_get_class(session, &class) < 0)
		return true;
	return strcmp(state, "closing") != 0 && !str_starts_with(class, "manager") &&
	       !str_starts_with(class, "background");
}

static void look_for_sessions(uid_t uid, struct busy_answer *answer)
{
	DV_CLEANUP(free_strings) char **sessions = NULL;
	int r = sd_uid_get_sessions(uid, 0, &sessions);

	if (r < 0 && r != -ENODATA && r != -ENOENT && r != -ENXIO)
		say_busy(answer, "logind: %s", strerror(-r));
	for (int i = 0; i < r; i++) {
		if (session_counts(sessions[i]))
			say_busy(answer, "session %s is open", sessions[i]);
	}
}

static void look_at_table(const struct busy_question *question, const char *path,
			  struct busy_answer *answer)
{
	DV_AUTO_FREE char *text = NULL;
	struct dv_error err = { "" };
	size_t n_bytes = 0;
	char *rest, *line;
	int r = file_read_kernel(question->env->root_dirfd, path, TABLE_MAX_BYTES, &text, &n_bytes,
				 &err);

	if (r == -ENOENT && strcmp(path, "proc/net/tcp6") == 0)
		return; /* no IPv6, no connection */
	if (r < 0) {
		say_busy(answer, "%.100s", err.text);
		return;
	}
	rest = text;
	while ((line = strsep(&rest, "\n"))) {
		struct proc_tcp row;

		if (proc_parse_tcp(line, &row) && row.is_established && row.port == question->port)
			say_busy(answer, "port %u has a connection", question->port);
	}
}

/* ---- agents --------------------------------------------------------------------------- */

struct found_process {
	bool is_agent;
	uint64_t start; /* in ticks since the boot */
	uint64_t ticks; /* its own and of children it has waited for */
};

static bool names_agent(const char *text)
{
	for (size_t i = 0; i < DV_COUNT(AGENTS); i++) {
		if (strstr(text, AGENTS[i]))
			return true;
	}
	return false;
}

/* An agent is a binary of that name, or a script of node's whose path has it. */
static bool arguments_name_agent(const char *arguments, size_t n_bytes)
{
	const char *second = arguments + strlen(arguments) + 1;

	return names_agent(arguments) || (second < arguments + n_bytes && names_agent(second));
}

/* The columns behind the name in /proc/PID/stat. */
static bool parse_stat(const char *columns, struct found_process *process)
{
	uint64_t user, system, child_user, child_system;

	if (!proc_get_number(columns, 11, &user) || !proc_get_number(columns, 12, &system) ||
	    !proc_get_number(columns, 13, &child_user) ||
	    !proc_get_number(columns, 14, &child_system) ||
	    !proc_get_number(columns, 19, &process->start))
		return false;
	process->ticks = user + system + child_user + child_system;
	return true;
}

static int read_process(const struct env *env, pid_t pid, struct found_process *ret_process)
{
	DV_AUTO_FREE char *stat = NULL;
	DV_AUTO_FREE char *arguments = NULL;
	struct found_process found = { 0 };
	size_t n_bytes = 0, n_arguments = 0;
	const char *name, *rest;
	char path[64];
	int r;

	(void)snprintf(path, sizeof(path), "proc/%d/stat", pid);
	r = file_read_kernel(env->root_dirfd, path, STAT_MAX_BYTES, &stat, &n_bytes, NULL);
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "proc/%d/cmdline", pid);
	r = file_read_kernel(env->root_dirfd, path, ARGUMENTS_MAX_BYTES, &arguments, &n_arguments,
			     NULL);
	if (r < 0)
		return r;
	/* "PID (comm) S ppid …": the name may hold anything, so from its last parenthesis. */
	name = strchr(stat, '(');
	rest = strrchr(stat, ')');
	if (!name || !rest || rest < name || !parse_stat(rest + 1, &found))
		return -EINVAL;
	found.is_agent = arguments_name_agent(arguments, n_arguments);
	for (size_t i = 0; i < DV_COUNT(AGENTS); i++)
		found.is_agent |=
			memmem(name, (size_t)(rest - name), AGENTS[i], strlen(AGENTS[i])) != NULL;
	*ret_process = found;
	return 0;
}

/* The ticks of all but the first that was started, which is the server; and the youngest
 * agent among them. */
static int sum_up(const struct env *env, const pid_t *pids, size_t n_pids,
		  struct busy_answer *answer)
{
	struct found_process server = { .start = UINT64_MAX };
	uint64_t ticks = 0, youngest = 0;

	for (size_t i = 0; i < n_pids; i++) {
		struct found_process process = { 0 };
		int r = read_process(env, pids[i], &process);

		if (r == -ENOENT || r == -ESRCH)
			continue; /* it has ended */
		if (r < 0)
			return r;
		ticks += process.ticks;
		if (process.is_agent && process.start > youngest)
			youngest = process.start;
		if (process.start < server.start)
			server = process;
	}
	answer->agent_ticks = (int64_t)(ticks - server.ticks);
	answer->agent_start = (int64_t)youngest;
	return 0;
}

static void judge_agents(const struct busy_question *question, struct busy_answer *answer)
{
	int64_t used = answer->agent_ticks - question->agent_ticks;

	if (answer->agent_start == 0)
		return;
	if (question->has_looked && used > TICKS_OF_WORK) {
		say_busy(answer, "an agent is at work");
		return;
	}
	/* Fewer ticks than before: something has ended, and what the others did cannot be told. */
	if (question->has_looked && used >= 0 && answer->agent_start <= question->agent_start)
		return;
	say_busy(answer, "an agent may be at work");
	answer->verdict = BUSY_UNSURE;
}

/* Fills in the agents of the answer, and judges nothing. */
static int look_at_processes(const struct env *env, const char *unit, struct busy_answer *answer,
			     struct dv_error *err)
{
	DV_AUTO_CLOSE int fd = cgroup_open(env, unit, err);
	DV_AUTO_FREE pid_t *pids = NULL;
	size_t n_pids = 0;
	int r = fd < 0 ? fd : cgroup_list(fd, &pids, &n_pids, err);

	if (r < 0)
		return r;
	if (n_pids == 0)
		return dv_refuse(err, -ENOENT, "its cgroup is empty");
	r = sum_up(env, pids, n_pids, answer);
	return r < 0 ? dv_refuse(err, r, "%s", strerror(-r)) : 0;
}

static void look_for_agents(const struct busy_question *question, struct busy_answer *answer)
{
	struct dv_error err = { "" };

	if (look_at_processes(question->env, question->unit, answer, &err) < 0)
		say_busy(answer, "its processes: %.80s", err.text);
	else
		judge_agents(question, answer);
}

int busy_find_agent(const struct env *env, const char *unit, bool *ret_has, struct dv_error *err)
{
	struct busy_answer answer = { 0 };
	int r = look_at_processes(env, unit, &answer, err);

	if (r == 0)
		*ret_has = answer.agent_start != 0;
	return r;
}

void busy_look(const struct busy_question *question, struct busy_answer *ret_answer)
{
	*ret_answer = (struct busy_answer){ .verdict = BUSY_IDLE };
	look_for_agents(question, ret_answer);
	look_for_sessions(question->uid, ret_answer);
	look_at_table(question, "proc/net/tcp", ret_answer);
	look_at_table(question, "proc/net/tcp6", ret_answer);
}
