/* fake.h - a stand-in for devvm-helperd on its real socket path.
 *
 * It is NOT the daemon: a forked process that plays one script to whoever connects, so
 * that a test can have a helper that is slow, silent, dead, cut short or of another
 * version whenever it wants one. What the real daemon answers is tested elsewhere.
 */
#ifndef DEVVM_TESTS_FAKE_H
#define DEVVM_TESTS_FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define FAKE_MAX_PACKETS 4
#define FAKE_REQUEST_BYTES 16384

/* What happens once the packets are sent. */
enum fake_end {
	FAKE_CLOSES,
	FAKE_HANGS, /* keeps the connection and says nothing more */
};

struct fake_packet {
	const void *bytes;
	size_t n_bytes; /* 0: strlen(bytes) */
};

struct fake_script {
	bool deaf;	    /* does not read the request */
	int pause_ms;	    /* before each packet */
	const char *ticket; /* written for ann before the first packet */
	struct fake_packet packets[FAKE_MAX_PACKETS];
	enum fake_end end;
};

/* Shared with the forked process. */
struct fake_seen {
	volatile int n_connections;
	char request[FAKE_REQUEST_BYTES]; /* the last one, NUL-terminated */
};

struct fake {
	pid_t pid;
	struct fake_seen *seen;
};

/* Listen on PATH_PAM_SOCKET and play `script` to everyone who connects. */
void fake_start(struct fake *fake, const struct fake_script *script);
/* Listen there with the credentials of `uid` instead. */
void fake_start_as(struct fake *fake, const struct fake_script *script, uid_t uid);
/* Kill it; `seen` stays readable until the next start. */
void fake_stop(struct fake *fake);

/* Listen, and never accept; the queue is filled. Returns the fd to close. */
int fake_listen_full(int ret_fillers[static 8]);

/* A socket file nobody listens on any more. */
void fake_leave_dead_socket(void);

/* The daemon's watch over the tickets: a process that reads events of PATH_TICKETS as they
 * come, under the scheduling policy of devvm-helperd.service, until it is killed. */
pid_t fake_watch_start(void);
void fake_watch_stop(pid_t pid);

/* Write ann's ticket as the reconcile would: header added, 0600, modified at the epoch, renamed
 * into place. */
void fake_write_ticket(const char *lines);

#endif
