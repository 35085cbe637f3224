/* busy.h - whether somebody uses their t3 right now.
 *
 * Busy is: a session of theirs on this machine, an open connection to its port, or an agent
 * at work in its cgroup. An agent's process stays for half an hour after its last turn, so
 * one counts only when CPU was used beside the server since the last look. Whatever cannot be
 * read or understood is busy: nobody's work is killed for a guess.
 */
#ifndef DEVVM_JOB_BUSY_H
#define DEVVM_JOB_BUSY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/env.h"

struct busy_question {
	const struct env *env;
	const char *unit; /* "t3-serve@emo.service" */
	uid_t uid;
	unsigned int port;
	bool has_looked; /* `agent_ticks` is of the last look */
	int64_t agent_ticks;
};

struct busy_answer {
	char why[128]; /* "" when idle */
	int64_t agent_ticks;
};

void busy_look(const struct busy_question *question, struct busy_answer *ret_answer);

#endif
