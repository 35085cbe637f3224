/* busy.h - whether somebody uses their t3 right now.
 *
 * Busy is: a session of theirs on this machine, an open connection to its port, or an agent
 * at work in its cgroup. An agent's process stays for half an hour after its last turn, so
 * one counts only when CPU was used beside the server since the last look. An agent that is
 * new may be at work or one that the server starts every few minutes to see that it can:
 * nobody can tell before the next look. Whatever cannot be read or understood is busy: nobody's
 * work is killed for a guess.
 */
#ifndef DEVVM_MOVE_BUSY_H
#define DEVVM_MOVE_BUSY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/env.h"

struct busy_question {
	const struct env *env;
	const char *unit; /* "t3-serve@emo.service" */
	uid_t uid;
	unsigned int port;
	bool has_looked; /* the rest is of the last look */
	int64_t agent_ticks, agent_start;
};

enum busy_verdict {
	BUSY_IDLE,
	BUSY_UNSURE, /* idle for all that can be told, but not to be stopped now */
	BUSY_BUSY,
};

struct busy_answer {
	enum busy_verdict verdict;
	char why[128];	     /* "" when idle */
	int64_t agent_ticks; /* of CPU, of all processes beside the server */
	int64_t agent_start; /* of the youngest agent, in ticks since the boot; 0 for none */
};

/* Whether an agent's process is in the unit's cgroup, at work or not. Negative with the reason where that cannot be
 * told: it does not run, or a process cannot be read. */
DV_MUST_CHECK int busy_find_agent(const struct env *env, const char *unit, bool *ret_has,
				  struct dv_error *err);

void busy_look(const struct busy_question *question, struct busy_answer *ret_answer);

#endif
