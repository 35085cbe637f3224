/* t3.c - run the version of t3 that is the caller's: /usr/bin/t3, and their server.
 *
 * Which version that is says their pointer in the store, by the name of their uid; without
 * one, `current`. The version's own folder is what is run, not the pointer, so a process goes
 * on with what it was started with. Becomes node; returns only where it could not.
 */
#include "agent/t3.h"

#include <pwd.h>
#include <string.h>

#include "agent/agents.h"
#include "agent/caller.h"
#include "base/log.h"
#include "config/config.h"
#include "store/node.h"
#include "store/store.h"
#include "t3/program.h"

#define ITEM "t3"

struct t3 {
	struct env env;
	struct config config;
	struct node_found node;
	char *program; /* absolute */
};

static void t3_done(struct t3 *t3)
{
	free(t3->program);
	node_found_done(&t3->node);
	config_done(&t3->config);
	env_done(&t3->env);
}

static int find_version(const struct env *env, const char *user,
			char ret_version[static STORE_VERSION_BYTES], struct dv_error *err)
{
	int r = 0;

	ret_version[0] = '\0';
	if (user && str_is_user_name(user))
		r = store_get_pointer(env, ITEM, user, ret_version, err);
	if (r == 0 && !*ret_version)
		r = store_get_pointer(env, ITEM, NULL, ret_version, err);
	if (r == 0 && !*ret_version)
		r = dv_refuse(err, -ENOENT,
			      "no version of t3 is installed here; an administrator types: "
			      "devvmctl install t3");
	return r;
}

int t3_find_program(const struct env *env, const struct config *config, const char *user,
		    char **ret_program, struct dv_error *err)
{
	char version[STORE_VERSION_BYTES];
	int r = find_version(env, user, version, err);

	return r < 0 ? r : t3_program_of(env, config, version, ret_program, err);
}

static int find(struct t3 *t3, struct dv_error *err)
{
	const struct passwd *me = getpwuid(geteuid());
	int r = env_init(&t3->env, "/", err);

	if (r == 0)
		r = caller_load_config(&t3->env, &t3->config, err);
	if (r == 0)
		r = t3_find_program(&t3->env, &t3->config, me ? me->pw_name : NULL, &t3->program,
				    err);
	if (r == 0)
		r = store_find_node(&t3->config, NODE_FOR_T3, &t3->node, err);
	return r;
}

/* Becomes node with `words` (NULL-terminated) behind the program. */
static int become(const struct t3 *t3, char *const *words, struct dv_error *err)
{
	DV_AUTO_FREE char **argv = NULL;
	size_t n = 0;

	while (words[n])
		n++;
	argv = calloc(n + 3, sizeof(*argv));
	if (!argv)
		return dv_fail(err, -ENOMEM, "start t3");
	argv[0] = t3->node.path;
	argv[1] = t3->program;
	memcpy(argv + 2, words, n * sizeof(*argv));
	(void)execv(t3->node.path, argv);
	return dv_fail(err, -errno, "start %s", t3->node.path);
}

static int run_t3(char *const *words)
{
	DV_CLEANUP(t3_done) struct t3 t3 = { .env = ENV_EMPTY };
	struct dv_error err = { "" };

	if (find(&t3, &err) == 0)
		DV_IGNORE(become(&t3, words, &err)); /* it came back: failed, and says why */
	log_error("%s", err.text);
	return AGENT_FAILED;
}

int agent_t3(int argc DV_UNUSED, char **argv)
{
	return run_t3(argv + 1);
}

int agent_t3_serve(int argc, char **argv DV_UNUSED)
{
	const char *port = getenv("T3_PORT");
	const struct passwd *me = getpwuid(geteuid());
	DV_AUTO_FREE char *folder = NULL;
	uint64_t number = 0;

	if (argc > 1 || !port || str_to_uint(port, UINT16_MAX, &number) < 0 || number == 0) {
		log_error("devvm-agent t3-serve takes its port from T3_PORT, which the reconcile "
			  "writes to /etc/t3-serve/USER.env");
		return AGENT_USAGE;
	}
	if (!me || asprintf(&folder, "%s/.t3", me->pw_dir) < 0) {
		folder = NULL; /* asprintf(3): undefined then */
		log_error("there is no home of uid %u to serve from", geteuid());
		return AGENT_FAILED;
	}
	if (setenv("T3CODE_TELEMETRY_ENABLED", "false", 1) < 0)
		log_warning("cannot turn the telemetry of t3 off: %s", strerror(errno));
	return run_t3((char *[]){ "serve", "--host", "127.0.0.1", "--port", (char *)port,
				  "--base-dir", folder, "--no-browser", NULL });
}
