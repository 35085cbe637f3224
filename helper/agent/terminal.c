/* terminal.c - devvm-agent terminal-wait: see terminal.h.
 *
 * ttyd@USER runs it before its terminal, on the socket of ttyd@USER.socket: a condition in the unit would leave the
 * connection on the socket, and systemd would try again at once, until it closes the socket for good. It stays
 * for as long as people come, so that the unit is started seldom and its limit of starts is kept for what crashes.
 */
#include "agent/terminal.h"

#include <poll.h>

#include "agent/refuse.h"
#include "base/log.h"

#define LISTEN_FD 3 /* sd_listen_fds(3); the shell in front of us took none of it */
/* The unit may be started eight times in a quarter of an hour. */
#define IDLE_MS (3 * 60000)

enum agent_exit terminal_wait(const struct caller *caller, int listen_fd, int idle_ms)
{
	struct dv_error err = { "" };

	while (caller_check_hold(caller, &err) < 0) {
		struct pollfd waiting = { .fd = listen_fd, .events = POLLIN };

		/* One that came in the moment in which the hold went is not sent away. */
		if (poll(&waiting, 1, idle_ms) <= 0 || !(waiting.revents & POLLIN))
			return AGENT_HELD;
		if (caller_check_hold(caller, &err) < 0)
			refuse_waiting(listen_fd, "terminal", err.text);
	}
	return AGENT_OK;
}

int agent_terminal_wait(int argc, char **argv DV_UNUSED)
{
	DV_AUTO_CALLER struct caller caller = CALLER_EMPTY;
	struct dv_error err = { "" };

	if (argc != 1) {
		log_error("devvm-agent terminal-wait takes no argument and runs in ttyd@USER");
		return AGENT_USAGE;
	}
	if (caller_find(&caller, &err) < 0) {
		log_error("%s", err.text);
		refuse_waiting(LISTEN_FD, "terminal", err.text);
		return AGENT_FAILED;
	}
	return terminal_wait(&caller, LISTEN_FD, IDLE_MS);
}
