/* terminal.h - what stands at the socket of a web terminal while its person is on hold. */
#ifndef DEVVM_AGENT_TERMINAL_H
#define DEVVM_AGENT_TERMINAL_H

#include "agent/agents.h"
#include "agent/caller.h"

/* Whoever comes to `listen_fd` is told and sent away while the caller is on hold. AGENT_OK: nothing holds them, and
 * who waits then is still to be served. AGENT_HELD: nobody has come for `idle_ms`. */
enum agent_exit terminal_wait(const struct caller *caller, int listen_fd, int idle_ms);

#endif
