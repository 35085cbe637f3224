/* fake.c - see fake.h. */
#include "fake.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "stage.h"
#include "wire/paths.h"
#include "wire/ticket.h"

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return address;
}

static int bind_socket(const char *path, int type)
{
	struct sockaddr_un address = address_of(path);
	DV_AUTO_CLOSE int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	(void)unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		stage_fail("bind %s", path);
	return DV_TAKE_FD(fd);
}

void fake_write_ticket(const char *lines)
{
	static const struct timespec epoch[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = 0 } };
	char text[TICKET_MAX_BYTES * 2];

	(void)snprintf(text, sizeof(text), "%s\n%s", TICKET_HEADER, lines);
	stage_write_text(PATH_TICKETS "/.new", 0600, text);
	if (utimensat(AT_FDCWD, PATH_TICKETS "/.new", epoch, 0) < 0)
		stage_fail("set the time of the ticket");
	if (rename(PATH_TICKETS "/.new", PATH_TICKETS "/ann") < 0)
		stage_fail("rename the ticket");
}

static void say(int fd, const struct fake_packet *packet)
{
	size_t n = packet->n_bytes ? packet->n_bytes : strlen(packet->bytes);

	(void)send(fd, packet->bytes, n, MSG_NOSIGNAL); /* the module may have gone */
}

static void play(int fd, const struct fake_script *script, struct fake_seen *seen)
{
	if (!script->deaf) {
		ssize_t n = recv(fd, seen->request, sizeof(seen->request) - 1, 0);

		seen->request[n > 0 ? n : 0] = '\0';
	}
	if (script->ticket)
		fake_write_ticket(script->ticket);
	for (size_t i = 0; i < FAKE_MAX_PACKETS && script->packets[i].bytes; i++) {
		(void)poll(NULL, 0, script->pause_ms);
		say(fd, &script->packets[i]);
	}
	if (script->end == FAKE_HANGS)
		(void)poll(&(struct pollfd){ .fd = fd }, 1, -1); /* until the module hangs up */
}

__attribute__((noreturn)) static void run(int listen_fd, const struct fake_script *script,
					  struct fake_seen *seen)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		DV_AUTO_CLOSE int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			_exit(1);
		seen->n_connections++;
		play(fd, script, seen);
	}
}

void fake_start_as(struct fake *fake, const struct fake_script *script, uid_t uid)
{
	DV_AUTO_CLOSE int fd = bind_socket(PATH_PAM_SOCKET, SOCK_SEQPACKET);
	int r;

	if (!fake->seen)
		fake->seen = mmap(NULL, sizeof(*fake->seen), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (fake->seen == MAP_FAILED)
		stage_fail("share memory with the fake");
	memset(fake->seen, 0, sizeof(*fake->seen));
	/* SO_PEERCRED shows who called listen(2). */
	if (seteuid(uid) < 0)
		stage_fail("become uid %u", uid);
	r = listen(fd, 16);
	if (seteuid(0) < 0 || r < 0)
		stage_fail("listen");
	fake->pid = fork();
	if (fake->pid < 0)
		stage_fail("fork");
	if (fake->pid == 0)
		run(fd, script, fake->seen);
}

void fake_start(struct fake *fake, const struct fake_script *script)
{
	fake_start_as(fake, script, 0);
}

void fake_stop(struct fake *fake)
{
	if (fake->pid <= 0)
		return;
	(void)kill(fake->pid, SIGKILL);
	(void)waitpid(fake->pid, NULL, 0);
	fake->pid = 0;
}

int fake_listen_full(int ret_fillers[static 8])
{
	struct sockaddr_un address = address_of(PATH_PAM_SOCKET);
	DV_AUTO_CLOSE int fd = bind_socket(PATH_PAM_SOCKET, SOCK_SEQPACKET);
	bool is_full = false;

	if (listen(fd, 0) < 0)
		stage_fail("listen");
	for (int i = 0; i < 8; i++) {
		int filler = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		ret_fillers[i] = filler;
		if (connect(filler, (struct sockaddr *)&address, sizeof(address)) < 0)
			is_full = errno == EAGAIN;
	}
	if (!is_full)
		stage_fail("the queue did not fill");
	return DV_TAKE_FD(fd);
}

void fake_leave_dead_socket(void)
{
	DV_AUTO_CLOSE int fd = bind_socket(PATH_PAM_SOCKET, SOCK_SEQPACKET);
}

pid_t fake_watch_start(void)
{
	_Alignas(struct inotify_event) char events[4096];
	DV_AUTO_CLOSE int fd = inotify_init1(IN_CLOEXEC);
	pid_t pid;

	if (fd < 0 || inotify_add_watch(fd, PATH_TICKETS, IN_ATTRIB) < 0)
		stage_fail("watch " PATH_TICKETS);
	pid = fork();
	if (pid < 0)
		stage_fail("fork");
	if (pid > 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* As devvm-helperd.service is. */
	if (sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){ 0 }) < 0)
		_exit(1);
	while (read(fd, events, sizeof(events)) > 0)
		continue;
	_exit(1);
}

void fake_watch_stop(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}
