/* refuse.h - who waits on a socket of systemd's behind which nothing can be started is told why, and sent away.
 *
 * A connection that is left there has systemd start the service again at once, for ever.
 */
#ifndef DEVVM_AGENT_REFUSE_H
#define DEVVM_AGENT_REFUSE_H

/* An HTTP answer, 503, with "WHAT: SENTENCE" for each that waits on `listen_fd` now. It waits for nobody, and at most
 * for a moment for one who does not read. A descriptor that is no socket is nobody's. */
void refuse_waiting(int listen_fd, const char *what, const char *sentence);

#endif
