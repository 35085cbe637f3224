/* fake_helper.h - a helper that says what a test wants it to say.
 *
 * A child process listens on a socket in a scratch folder, takes one connection, reads
 * one request, and plays a script. The client wants uid 0 on the other side: who runs the
 * tests as somebody else becomes root of a user namespace of their own first.
 */
#ifndef DEVVM_TESTS_FAKE_HELPER_H
#define DEVVM_TESTS_FAKE_HELPER_H

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Steps of a script beside packets, which are sent as they stand. */
#define FAKE_SILENT "\001silent"       /* hold the connection and say nothing more */
#define FAKE_INTERRUPT "\001interrupt" /* SIGINT to the test, a tenth of a second from now */
#define FAKE_STOP "\001stop"	       /* SIGTSTP, likewise */
#define FAKE_ALIVE "\001alive"	       /* answer another connection */
#define FAKE_PAUSE "\001pause"	       /* a fifth of a second */

struct fake_helper {
	pid_t pid;
	char folder[64];
	char path[96];
};

/* Become root in a user namespace where we are not. False: this cannot be had here. */
static inline bool fake_become_root(void)
{
	char map[64];
	uid_t uid = geteuid();
	int n, fd;

	if (uid == 0)
		return true;
	if (unshare(CLONE_NEWUSER) < 0)
		return false;
	fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
	n = snprintf(map, sizeof(map), "0 %u 1", uid);
	if (fd < 0 || write(fd, map, (size_t)n) != n)
		return false;
	(void)close(fd);
	return geteuid() == 0;
}

static inline void fake_send(int fd, const char *packet)
{
	/* A client that has gone is what some tests are about. */
	if (send(fd, packet, strlen(packet), MSG_NOSIGNAL) < 0)
		return;
}

static inline void fake_play(int listen_fd, int fd, const char *const *script)
{
	for (; *script; script++) {
		if (strcmp(*script, FAKE_SILENT) == 0) {
			char byte;

			while (recv(fd, &byte, 1, 0) > 0)
				continue;
			return;
		}
		if (strcmp(*script, FAKE_INTERRUPT) == 0 || strcmp(*script, FAKE_STOP) == 0) {
			(void)poll(NULL, 0, 100);
			(void)kill(getppid(), **script && (*script)[1] == 'i' ? SIGINT : SIGTSTP);
		} else if (strcmp(*script, FAKE_ALIVE) == 0) {
			int other_fd = accept(listen_fd, NULL, NULL);

			/* Without reading the question: the client must cope. */
			fake_send(other_fd, "error\ncode=not-found\ntext=nobody\n");
			(void)close(other_fd);
		} else if (strcmp(*script, FAKE_PAUSE) == 0) {
			(void)poll(NULL, 0, 200);
		} else {
			fake_send(fd, *script);
		}
	}
}

static inline _Noreturn void fake_serve(int listen_fd, const char *request,
					const char *const *script)
{
	char got[8192] = "";
	int fd = accept(listen_fd, NULL, NULL);
	ssize_t n = recv(fd, got, sizeof(got) - 1, 0);

	if (n < 0)
		_exit(1);
	got[n] = '\0';
	if (request && strcmp(got, request) != 0) {
		fprintf(stderr, "the request was:\n%sand should have been:\n%s", got, request);
		fake_send(fd, "error\ncode=failed\ntext=not the request that was expected\n");
		_exit(1);
	}
	fake_play(listen_fd, fd, script);
	_exit(0);
}

/* Start one. `request` (NULL: any) is held against what comes; `script` is
 * NULL-terminated, and at its end the connection is closed. */
static inline void fake_start(struct fake_helper *fake, const char *request,
			      const char *const *script)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	(void)snprintf(fake->folder, sizeof(fake->folder), "/tmp/devvm-fake-XXXXXX");
	if (fd < 0 || !mkdtemp(fake->folder))
		abort();
	(void)snprintf(fake->path, sizeof(fake->path), "%s/s", fake->folder);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", fake->path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 4) < 0)
		abort();
	fake->pid = fork();
	if (fake->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* should a check fail */
		fake_serve(fd, request, script);
	}
	(void)close(fd);
}

/* End it; whether it was asked what it should have been. */
static inline bool fake_stop(struct fake_helper *fake)
{
	int status = 0;

	(void)kill(fake->pid, SIGTERM);
	(void)waitpid(fake->pid, &status, 0);
	(void)unlink(fake->path);
	(void)rmdir(fake->folder);
	return !(WIFEXITED(status) && WEXITSTATUS(status) != 0);
}

#endif
