/* agents.h - the verbs of devvm-agent: the small programs that people and their units run. */
#ifndef DEVVM_AGENT_AGENTS_H
#define DEVVM_AGENT_AGENTS_H

enum agent_exit {
	AGENT_OK = 0,
	AGENT_FAILED = 1,
	AGENT_USAGE = 2,
	AGENT_HELD = 3, /* terminal-wait alone: still on hold */
};

/* argv[0] is the verb. Return an exit status; the ones that become another program return
 * only where they could not. */
int agent_t3(int argc, char **argv);
int agent_backup(int argc, char **argv);
int agent_restore(int argc, char **argv);
int agent_look(int argc, char **argv);
int agent_mint(int argc, char **argv);
int agent_t3_serve(int argc, char **argv);
int agent_playwright(int argc, char **argv);
int agent_playwright_refuse(int argc, char **argv);
int agent_terminal_wait(int argc, char **argv);
int agent_snapshot_refresh(int argc, char **argv);

#endif
