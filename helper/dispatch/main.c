/* main.c - devvm-dispatch: decides for nginx who goes where.
 *
 * Started by systemd with the listening socket, as an account of its own. One loop decides; what blocks
 * runs on a few threads (work.h). The account of nginx is --nginx-user, www-data by default. The secret
 * that a proxy on the network sends is the credential `door-secret`, and there need be none.
 */
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "base/env.h"
#include "base/log.h"
#include "dispatch/server.h"
#include "fetch/curl.h"
#include "wire/paths.h"

#define EXIT_USAGE 2
#define SECRET_FILE "door-secret"
#define MAX_SECRET_BYTES 4096
#define MIN_SECRET_BYTES 16

static int read_words(int argc, char **argv, const char **ret_nginx_user)
{
	static const struct option options[] = {
		{ "nginx-user", required_argument, NULL, 'u' },
		{ 0 },
	};
	const char *nginx_user = "www-data";
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'u')
			return -EINVAL;
		nginx_user = optarg;
	}
	*ret_nginx_user = nginx_user;
	return optind == argc ? 0 : -EINVAL;
}

static int read_secret(struct secret *ret_secret, struct dv_error *err)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	DV_AUTO_CLOSE int fd = folder ? open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	struct secret secret = { 0 };
	int r = fd < 0 ? -ENOENT : secret_read(fd, SECRET_FILE, MAX_SECRET_BYTES, &secret, err);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	while (secret.n_bytes > 0 && secret.text[secret.n_bytes - 1] == '\n')
		secret.text[--secret.n_bytes] = '\0';
	if (secret.n_bytes > 0 && secret.n_bytes < MIN_SECRET_BYTES) {
		secret_done(&secret);
		return dv_refuse(err, -EINVAL, "the door's secret has less than %d bytes",
				 MIN_SECRET_BYTES);
	}
	*ret_secret = secret;
	return 0;
}

/* Before there are threads. */
static int load_curl(struct dv_error *err)
{
	const struct curl_library *library = NULL;
	int r = curl_load(&library, err);

	if (r == 0)
		library->easy_cleanup(library->easy_init());
	return r;
}

static int find_nginx(const char *name, uid_t *ret_uid, struct dv_error *err)
{
	const struct passwd *account = getpwnam(name);

	if (!account)
		return dv_refuse(err, -ENOENT, "there is no account %s for nginx", name);
	*ret_uid = account->pw_uid;
	return 0;
}

static int serve(const char *nginx_user, struct dv_error *err)
{
	static struct door door;
	static struct dispatch_server server;
	struct env env = ENV_EMPTY;
	sd_event *event = NULL;
	sigset_t ends;
	int r = env_init(&env, "/", err);

	(void)sigemptyset(&ends);
	(void)sigaddset(&ends, SIGTERM);
	(void)sigaddset(&ends, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &ends, NULL);
	if (r == 0 && sd_listen_fds(1) != 1)
		r = dv_refuse(err, -ENOTCONN,
			      "no socket was passed: this is started by systemd, with "
			      "systemctl start devvm-dispatch.socket");
	if (r == 0)
		r = find_nginx(nginx_user, &server.nginx_uid, err);
	if (r == 0)
		r = read_secret(&door.secret, err);
	if (r == 0)
		r = load_curl(err);
	if (r == 0 && sd_event_default(&event) < 0)
		r = dv_fail(err, -ENOMEM, "make the loop");
	if (r == 0)
		r = work_pool_new(&door.pairings.pool, event, err);
	if (r < 0)
		return r;
	door.visits.pool = door.status.pool = door.pairings.pool;
	door.root_fd = env.root_dirfd;
	door.helper_path = door.status.helper_path = PATH_HELPER_SOCKET;
	door.keeper.event = event;
	door.pairings.keeper = &door.keeper;
	door.pairings.people = &door.people;
	server.door = &door;
	server.event = event;
	r = dispatch_server_start(&server, SD_LISTEN_FDS_START, err);
	if (r < 0)
		return r;
	(void)sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL);
	(void)sd_event_add_signal(event, NULL, SIGINT, NULL, NULL);
	(void)sd_event_set_watchdog(event, 1);
	(void)sd_notify(0, "READY=1");
	r = sd_event_loop(event);
	return r < 0 ? dv_fail(err, r, "run the loop") : 0;
}

int main(int argc, char **argv)
{
	struct dv_error err = { "" };
	const char *nginx_user;

	log_init("devvm-dispatch", LOG_INFO);
	if (read_words(argc, argv, &nginx_user) < 0) {
		(void)fputs("usage: devvm-dispatch [--nginx-user NAME]\n", stderr);
		return EXIT_USAGE;
	}
	if (serve(nginx_user, &err) < 0) {
		log_error("%s", err.text);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
