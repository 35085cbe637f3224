/* main.c - devvm-agent VERB: small programs that people's own units and shells run, as the
 * person and without privileges. /usr/bin/t3 is a link to it: called by a name that is a
 * verb's, it takes the verb from there and every word is the verb's own. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "agent/agents.h"
#include "base/cleanup.h"
#include "base/log.h"

static const struct {
	const char *verb;
	int (*run)(int argc, char **argv);
	bool is_program; /* also when argv[0] is called so */
	const char *help;
} VERBS[] = {
	{ "t3", agent_t3, true, "the caller's version of t3, with all further words" },
	{ "t3-serve", agent_t3_serve, false, "the caller's t3 server, on the port of T3_PORT" },
	{ "mint", agent_mint, false,
	  "a one-time credential of the caller's t3, for devvm-helperd" },
	{ "backup", agent_backup, false,
	  "a checked copy of the caller's t3 database, for devvm-job" },
	{ "look", agent_look, false, "what the caller's t3 database says of work, for devvm-job" },
	{ "restore", agent_restore, false,
	  "a copy into the place of the caller's t3 database, for devvm-job" },
	{ "playwright", agent_playwright, false,
	  "the caller's browser server, on systemd's sockets" },
	{ "playwright-refuse", agent_playwright_refuse, false,
	  "tell who waits on them that it failed" },
	{ "terminal-wait", agent_terminal_wait, false,
	  "while the caller is on hold: tell who comes to their web terminal" },
	{ "snapshot-refresh", agent_snapshot_refresh, false, "fetch the caller's browser state" },
};

static void print_help(FILE *stream)
{
	(void)fprintf(stream, "usage: devvm-agent VERB [WORD...]\n\n");
	for (size_t i = 0; i < DV_COUNT(VERBS); i++)
		(void)fprintf(stream, "  %-18s %s\n", VERBS[i].verb, VERBS[i].help);
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int main(int argc, char **argv)
{
	log_init("devvm-agent", LOG_INFO);
	for (size_t i = 0; argc >= 1 && i < DV_COUNT(VERBS); i++) {
		if (VERBS[i].is_program && strcmp(last_part(argv[0]), VERBS[i].verb) == 0)
			return VERBS[i].run(argc, argv);
	}
	if (argc >= 2 && strcmp(argv[1], "--version") == 0) {
		(void)puts("devvm-agent " DEVVM_VERSION);
		return AGENT_OK;
	}
	if (argc >= 2 && strcmp(argv[1], "--help") == 0) {
		print_help(stdout);
		return AGENT_OK;
	}
	for (size_t i = 0; argc >= 2 && i < DV_COUNT(VERBS); i++) {
		if (strcmp(argv[1], VERBS[i].verb) == 0)
			return VERBS[i].run(argc - 1, argv + 1);
	}
	print_help(stderr);
	return AGENT_USAGE;
}
