/* main.c - devvm-helperd: start, run the loop, stop.
 *
 * Started by systemd with its sockets (listen.c). One thread, one event loop. Exit status:
 * 0 stopped, 1 could not start or run, 2 wrong usage.
 */
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "base/log.h"
#include "daemon/daemon.h"
#include "daemon/listen.h"
#include "daemon/server.h"

/* Every connection that the caps allow, and what the program itself has open. */
#define MAX_OPEN_FILES (SERVER_MAX_PAM + SERVER_MAX_HELPER + 2 * SERVER_MAX_MORE_ROOT + 64)

static const char HELP[] =
	"devvm-helperd: the broker between logins, devvmctl and the jobs of devvm.\n"
	"It is started by systemd (devvm-helperd.service) with its sockets.\n"
	"\n"
	"  --root DIR   use the files below DIR instead of /\n"
	"  --debug      log more\n"
	"  --help       this text\n"
	"  --version    the version\n";

struct options {
	const char *root;
	int max_priority;
	bool stop; /* with `status`: nothing else is to be done */
	int status;
};

static void parse_options(int argc, char **argv, struct options *ret_options)
{
	static const struct option OPTIONS[] = {
		{ "root", required_argument, NULL, 'r' },
		{ "debug", no_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	struct options options = { .root = "/", .max_priority = LOG_INFO };
	int c;

	while ((c = getopt_long(argc, argv, "", OPTIONS, NULL)) >= 0) {
		if (c == 'r') {
			options.root = optarg;
		} else if (c == 'd') {
			options.max_priority = LOG_DEBUG;
		} else if (c == 'h' || c == 'v') {
			options.stop = true;
			(void)fputs(c == 'h' ? HELP : "devvm-helperd " DEVVM_VERSION "\n", stdout);
		} else {
			options.stop = true;
			options.status = 2;
		}
	}
	if (!options.stop && optind < argc) {
		(void)fprintf(stderr, "devvm-helperd: %s: takes no arguments\n", argv[optind]);
		options.stop = true;
		options.status = 2;
	}
	*ret_options = options;
}

static void raise_open_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= MAX_OPEN_FILES)
		return;
	limit.rlim_cur = limit.rlim_max < MAX_OPEN_FILES ? limit.rlim_max : MAX_OPEN_FILES;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < MAX_OPEN_FILES)
		log_warning("at most %ju files can be open: fewer connections are served",
			    (uintmax_t)limit.rlim_cur);
}

/* Handled by the loop; sd-event wants them blocked. */
static int handle_signals(sd_event *event)
{
	static const int SIGNALS[] = { SIGTERM, SIGINT };
	sigset_t set;
	int r = 0;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < DV_COUNT(SIGNALS); i++)
		(void)sigaddset(&set, SIGNALS[i]); /* fails for a wrong number alone */
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	for (size_t i = 0; i < DV_COUNT(SIGNALS) && r >= 0; i++) {
		sd_event_source *source = NULL;

		r = sd_event_add_signal(event, &source, SIGNALS[i], NULL, NULL);
		if (r >= 0)
			r = sd_event_source_set_priority(source, DAEMON_PRIORITY_SIGNAL);
		if (r >= 0)
			r = sd_event_source_set_floating(source, 1);
		sd_event_source_unref(source);
	}
	return r;
}

static void daemon_freep(struct daemon **daemon)
{
	daemon_free(*daemon);
}

static void event_unrefp(sd_event **event)
{
	sd_event_unref(*event);
}

static int run(const struct env *env, struct dv_error *err)
{
	DV_CLEANUP(event_unrefp) sd_event *event = NULL;
	DV_CLEANUP(daemon_freep) struct daemon *daemon = NULL;
	struct daemon_sockets sockets;
	int r = listen_take(&sockets, err);

	if (r < 0)
		return r;
	r = sd_event_default(&event);
	if (r >= 0)
		r = handle_signals(event);
	if (r >= 0)
		r = sd_event_set_watchdog(event, 1); /* does nothing without WATCHDOG_USEC */
	if (r < 0)
		return dv_fail(err, r, "set up the event loop");
	r = daemon_new(&daemon, event, env, &sockets, err);
	if (r < 0)
		return r;
	log_info("devvm-helperd " DEVVM_VERSION " is ready");
	(void)sd_notify(0, "READY=1\nSTATUS=Serving."); /* nobody to tell without systemd */
	r = sd_event_loop(event);
	(void)sd_notify(0, "STOPPING=1\nSTATUS=Stopping.");
	return r < 0 ? dv_fail(err, r, "run the event loop") : 0;
}

int main(int argc, char **argv)
{
	DV_AUTO_ENV struct env env = ENV_EMPTY;
	struct dv_error err = { "" };
	struct options options;

	parse_options(argc, argv, &options);
	if (options.stop)
		return options.status;
	log_init("devvm-helperd", options.max_priority);
	(void)umask(077);
	raise_open_files();
	if (env_init(&env, options.root, &err) < 0 || run(&env, &err) < 0) {
		log_error("%s", err.text);
		return 1;
	}
	return 0;
}
