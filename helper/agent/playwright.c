/* playwright.c - devvm-agent playwright: becomes the person's browser server.
 *
 * Runs in playwright-mcp@USER on the sockets of playwright-mcp@USER.socket, as the person. It
 * looks whether everything is there and becomes node, which serves from these sockets (conf/
 * socket-activation.cjs). Each session of an agent gets a browser context of its own that begins
 * with the storage state; nothing is asked of the network.
 *
 * Who connected is waiting on the socket. Where the server cannot be started they are told and
 * sent away: a connection left there would have systemd start the service again at once, for
 * ever.
 */
#include "agent/playwright.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>

#include "agent/refuse.h"
#include "agent/snapshot.h"
#include "base/file.h"
#include "base/home.h"
#include "base/log.h"

#define CLI "/opt/devvm/playwright/current/node_modules/@playwright/mcp/cli.js"
#define PRELOAD "/usr/libexec/devvm/socket-activation.cjs"
#define SELF "/usr/libexec/devvm/devvm-agent"
#define EMPTY_STATE "{\"cookies\":[],\"origins\":[]}\n"

#define FIRST_FD 3 /* sd_listen_fds(3) */
#define MAX_FDS 2  /* 127.0.0.1 and [::1] */

int playwright_seed_state(int home_fd, struct dv_error *err)
{
	static const struct file_spec empty = { .data = EMPTY_STATE,
						.n_bytes = sizeof(EMPTY_STATE) - 1,
						.mode = 0600,
						.uid = (uid_t)-1,
						.gid = (gid_t)-1 };
	DV_AUTO_CLOSE int folder_fd = -1;
	struct stat st;
	int r;

	if (fstatat(home_fd, SNAPSHOT_FILE, &st, 0) == 0) {
		/* The server would wait for ever for what a FIFO says. */
		if (!S_ISREG(st.st_mode))
			return dv_refuse(err, -EINVAL,
					 "~/" SNAPSHOT_FILE " is not a regular file: move it away");
		return 0;
	}
	if (errno != ENOENT)
		return dv_fail(err, -errno, "look at ~/" SNAPSHOT_FILE);
	if (fstatat(home_fd, SNAPSHOT_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return dv_refuse(err, -ENOENT, "~/" SNAPSHOT_FILE " is a link that leads nowhere");
	folder_fd = home_open_folder(home_fd, SNAPSHOT_FOLDER, 0700, err);
	if (folder_fd < 0)
		return folder_fd;
	r = file_replace(folder_fd, "storage-state.json", &empty, err);
	return r < 0 ? dv_prefix(err, r, "in ~/" SNAPSHOT_FOLDER) : 0;
}

/* Whether the browser may make the user namespaces its own sandbox needs. */
static bool may_make_namespaces(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER) == 0 ? 0 : 1);
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

int playwright_words(struct playwright_start *start, const struct caller *caller, const char *node,
		     unsigned int port, struct dv_error *err)
{
	struct playwright_start made = { .has_sandbox = may_make_namespaces() };
	bool is_short =
		asprintf(&made.made[0], "%u", port) < 0 ||
		asprintf(&made.made[1], "%s/" SNAPSHOT_FILE, caller->home) < 0 ||
		asprintf(&made.made[2], "127.0.0.1:%u,localhost:%u,[::1]:%u", port, port, port) < 0;
	/* clang-format off */
	const char *const words[] = {
		node, "--require", PRELOAD, CLI,
		/* It listens on what systemd passed, but wants to be told. */
		"--port", made.made[0], "--host", "127.0.0.1",
		"--headless", "--browser", "chromium",
		"--executable-path", caller->config.playwright_browser,
		made.has_sandbox ? "--sandbox" : "--no-sandbox",
		"--isolated", "--storage-state", made.made[1],
		"--allowed-hosts", made.made[2],
	};
	/* clang-format on */

	_Static_assert(DV_COUNT(words) <= PLAYWRIGHT_MAX_WORDS, "argv has room for them");
	if (is_short) {
		playwright_start_done(&made);
		return dv_fail(err, -ENOMEM, "start playwright");
	}
	memcpy(made.argv, words, sizeof(words));
	(void)snprintf(made.idle_seconds, sizeof(made.idle_seconds), "%u",
		       60 * caller->config.playwright_idle_minutes);
	*start = made;
	return 0;
}

void playwright_start_done(struct playwright_start *start)
{
	for (size_t i = 0; i < DV_COUNT(start->made); i++)
		free(start->made[i]);
	*start = (struct playwright_start){ 0 };
}

/* How many sockets systemd passed. Not sd_listen_fds(3): it closes them at the exec. */
static int n_passed_fds(void)
{
	const char *pid = getenv("LISTEN_PID");
	const char *fds = getenv("LISTEN_FDS");
	uint64_t n_pid = 0, n_fds = 0;

	if (!pid || !fds || str_to_uint(pid, INT32_MAX, &n_pid) < 0 ||
	    str_to_uint(fds, MAX_FDS, &n_fds) < 0 || n_pid != (uint64_t)getpid())
		return 0;
	return (int)n_fds;
}

int playwright_find_parts(const struct caller *caller, struct node_found *ret_node,
			  struct dv_error *err)
{
	const char *browser = caller->config.playwright_browser;
	DV_AUTO_NODE struct node_found node = { 0 };
	int r = store_find_node(&caller->config, NODE_FOR_PLAYWRIGHT, &node, err);

	if (r < 0)
		return r;
	if (access(CLI, R_OK) < 0)
		return dv_refuse(
			err, -errno,
			"the playwright server is not installed (%s): devvm-machine.service "
			"does that; devvmctl status says why it has not",
			CLI);
	if (access(PRELOAD, R_OK) < 0)
		return dv_fail(err, -errno, "devvm is not installed whole: %s", PRELOAD);
	if (access(browser, X_OK) < 0)
		return dv_refuse(
			err, -errno,
			"there is no browser at %s: an administrator installs one, or names "
			"it as playwright.browser in /etc/devvm/devvm.yaml",
			browser);
	*ret_node = node;
	node = (struct node_found){ 0 }; /* handed over */
	return 0;
}

static int read_port(unsigned int *ret_port, struct dv_error *err)
{
	const char *text = getenv("PLAYWRIGHT_PORT");
	uint64_t port = 0;

	if (!text || str_to_uint(text, UINT16_MAX, &port) < 0 || port == 0)
		return dv_refuse(err, -EINVAL,
				 "PLAYWRIGHT_PORT is no port; it comes from "
				 "/etc/t3-serve/playwright-USER.env");
	*ret_port = (unsigned int)port;
	return 0;
}

static int set_environment(const struct playwright_start *start, struct dv_error *err)
{
	/* --sandbox alone leaves the choice to the program, and it chooses none for Chromium. */
	if (setenv("PLAYWRIGHT_MCP_SANDBOX", start->has_sandbox ? "1" : "0", 1) < 0 ||
	    setenv("DEVVM_IDLE_SECONDS", start->idle_seconds, 1) < 0 ||
	    setenv("DEVVM_AGENT", SELF, 1) < 0)
		return dv_fail(err, -errno, "set the environment");
	return 0;
}

/* Returns only where it could not become the server. */
static int become_server(struct dv_error *err)
{
	DV_AUTO_CALLER struct caller caller = CALLER_EMPTY;
	DV_AUTO_PLAYWRIGHT_START struct playwright_start start = { 0 };
	DV_AUTO_NODE struct node_found node = { 0 };
	unsigned int port = 0;
	int r = caller_init(&caller, err);

	if (r == 0)
		r = caller_check_hold(&caller, err);
	if (r == 0)
		r = read_port(&port, err);
	if (r == 0)
		r = playwright_find_parts(&caller, &node, err);
	if (r == 0)
		r = playwright_seed_state(caller.home_fd, err);
	if (r == 0)
		r = playwright_words(&start, &caller, node.path, port, err);
	if (r == 0)
		r = set_environment(&start, err);
	if (r < 0)
		return r;
	if (!start.has_sandbox)
		log_notice("the browser runs without its own sandbox: this kernel lets nobody make "
			   "user namespaces");
	(void)execv(node.path, (char *const *)start.argv);
	return dv_fail(err, -errno, "start %s", node.path);
}

int agent_playwright(int argc, char **argv DV_UNUSED)
{
	struct dv_error err = { "" };
	int n_fds = n_passed_fds();

	if (argc > 1 || n_fds == 0) {
		log_error(
			"devvm-agent playwright takes no argument and runs in playwright-mcp@USER, "
			"on the sockets of playwright-mcp@USER.socket: start that");
		return AGENT_USAGE;
	}
	DV_IGNORE(become_server(&err)); /* it returns only with a sentence */
	log_error("%s", err.text);
	for (int i = 0; i < n_fds; i++)
		refuse_waiting(FIRST_FD + i, "playwright", err.text);
	return AGENT_FAILED;
}

/* For the preload, when node ends before it serves. */
int agent_playwright_refuse(int argc, char **argv)
{
	if (argc != 2) {
		log_error("devvm-agent playwright-refuse takes one sentence");
		return AGENT_USAGE;
	}
	for (int fd = FIRST_FD; fd < FIRST_FD + MAX_FDS; fd++)
		refuse_waiting(fd, "playwright", argv[1]);
	return AGENT_OK;
}
