/* listen.c - see listen.h. */
#include "daemon/listen.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include "base/log.h"
#include "wire/paths.h"

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int read_name(int fd, char ret_name[static sizeof(((struct sockaddr_un *)0)->sun_path) + 1],
		     struct dv_error *err)
{
	struct sockaddr_un address = { 0 };
	socklen_t n = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &n) < 0)
		return dv_fail(err, -errno, "look at the inherited descriptor %d", fd);
	if (address.sun_family != AF_UNIX)
		return dv_refuse(err, -EINVAL, "the inherited descriptor %d is no unix socket", fd);
	/* A path of full length has no NUL, unix(7). */
	memcpy(ret_name, address.sun_path, sizeof(address.sun_path));
	ret_name[sizeof(address.sun_path)] = '\0';
	return 0;
}

static int take(struct daemon_sockets *sockets, int fd, struct dv_error *err)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
	const struct {
		const char *path;
		int *fd;
	} wanted[] = {
		{ PATH_PAM_SOCKET, &sockets->pam_fd },
		{ PATH_HELPER_SOCKET, &sockets->helper_fd },
	};
	int r = read_name(fd, path, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < DV_COUNT(wanted); i++) {
		if (strcmp(last_part(path), last_part(wanted[i].path)) != 0)
			continue;
		if (sd_is_socket(fd, AF_UNIX, SOCK_SEQPACKET, 1) <= 0)
			return dv_refuse(err, -EINVAL, "%s is of the wrong type", path);
		/* systemd passes them blocking, and the loop accepts until nobody is left: whoever
		 * connects and is gone again before accept4(2) must not stop it. */
		if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
			return dv_fail(err, -errno, "make %s non-blocking", path);
		*wanted[i].fd = fd;
		return 0;
	}
	return dv_refuse(err, -EINVAL, "the inherited socket %s is not ours", path);
}

int listen_take(struct daemon_sockets *ret_sockets, struct dv_error *err)
{
	struct daemon_sockets sockets = { -1, -1 };
	int n = sd_listen_fds(1);

	if (n < 0)
		return dv_fail(err, n, "take the inherited sockets");
	if (n == 0)
		return dv_refuse(err, -ENOTCONN,
				 "no socket was passed: this is started by systemd, "
				 "with systemctl start devvm-helperd.socket");
	for (int i = 0; i < n; i++) {
		int r = take(&sockets, SD_LISTEN_FDS_START + i, err);

		if (r < 0)
			return r;
	}
	if (sockets.pam_fd < 0)
		log_error("%s was not passed: logins without a ticket are not served",
			  PATH_PAM_SOCKET);
	if (sockets.helper_fd < 0)
		log_error("%s was not passed: devvmctl and the jobs are not served",
			  PATH_HELPER_SOCKET);
	*ret_sockets = sockets;
	return 0;
}
