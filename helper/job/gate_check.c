/* gate_check.c - devvm-job gate-check: what devvm-gate@NAME.service runs; see gate/check.h.
 *
 * What to check stands in the environment, the database is stdin, the result goes to stdout: systemd has opened
 * both. It ends well where it wrote a result, whatever that says.
 */
#include "job/jobs.h"

#include <pwd.h>

#include "base/clock.h"
#include "base/log.h"
#include "gate/check.h"
#include "gate/gate.h"
#include "store/node.h"
#include "t3/program.h"

#define T3_ACCOUNT "devvm-gate-t3"
#define BASE_DIR "/var/tmp/t3" /* of the unit's own /var/tmp */
#define EMPTY_DIR "/var/tmp/t3-empty"
#define PORT 3773

struct sandboxed {
	struct env env;
	struct config config;
};

static void sandboxed_done(struct sandboxed *job)
{
	config_done(&job->config);
	env_done(&job->env);
}

static int set_plan(struct sandboxed *job, struct node_found *node, struct check_plan *plan,
		    char **ret_candidate, char **ret_maker, struct dv_error *err)
{
	const char *maker = getenv(GATE_MAKER_KEY);
	const char *version = getenv(GATE_VERSION_KEY);
	const char *start = getenv(GATE_START_KEY);
	uint64_t start_s = GATE_START_S;
	int r = env_init(&job->env, "/", err);

	if (r == 0 && start)
		r = str_to_uint(start, GATE_START_MAX_S, &start_s);
	if (r == 0)
		r = config_load(&job->config, &job->env, err);
	if (r == 0)
		r = store_find_node(&job->config, NODE_FOR_T3, node, err);
	if (r == 0)
		r = t3_program_of(&job->env, &job->config, version ? version : "", ret_candidate,
				  err);
	if (r == 0 && maker && *maker)
		r = t3_program_of(&job->env, &job->config, maker, ret_maker, err);
	if (r < 0)
		return r;
	*plan = (struct check_plan){
		.node = node->path,
		.candidate = { version, *ret_candidate },
		.maker = { *ret_maker ? maker : NULL, *ret_maker },
		.seed_fd = STDIN_FILENO,
		.base_dir = BASE_DIR,
		.empty_dir = EMPTY_DIR,
		.start_ms = (int64_t)start_s * 1000,
		.port = PORT,
		.first = (uint16_t)job->config.ports[CONFIG_T3].first,
		.last = (uint16_t)job->config.ports[CONFIG_T3].last,
		.deadline_ms = clock_deadline_ms((GATE_CHECK_S + (int64_t)start_s) * 1000),
	};
	return 0;
}

static int check(struct sandboxed *job, struct gate_result *ret_result, struct dv_error *err)
{
	static const char *const envp[] = { "HOME=/var/tmp", "LANG=C.UTF-8",
					    "PATH=/usr/local/bin:/usr/bin:/bin",
					    "T3CODE_TELEMETRY_ENABLED=false", NULL };
	DV_AUTO_NODE struct node_found node = { 0 };
	DV_AUTO_FREE char *candidate = NULL;
	DV_AUTO_FREE char *maker = NULL;
	struct check_plan plan;
	struct passwd *account = getpwnam(T3_ACCOUNT);
	struct box box = { .envp = envp, .folder = BASE_DIR };
	int r;

	if (!account)
		return dv_refuse(err, -ENOENT,
				 "there is no account " T3_ACCOUNT "; systemd-sysusers makes it");
	box.uid = account->pw_uid;
	box.gid = account->pw_gid;
	r = set_plan(job, &node, &plan, &candidate, &maker, err);
	if (r == 0)
		r = box_init(&box, err);
	if (r == 0)
		check_run(&box, &plan, ret_result);
	return r;
}

int job_gate_check(int argc, char **argv DV_UNUSED)
{
	DV_CLEANUP(sandboxed_done) struct sandboxed job = { .env = ENV_EMPTY };
	struct gate_result result = { 0 };
	struct dv_error err = { "" };
	DV_AUTO_FREE char *text = NULL;

	if (argc != 1 || geteuid() == 0) {
		log_error("usage: devvm-job gate-check, by devvm-gate@.service");
		return JOB_USAGE;
	}
	if (check(&job, &result, &err) < 0)
		gate_result_say(&result, GATE_ERROR, GATE_CHECK_SEED, err.text);
	text = gate_result_format(&result);
	if (!text || puts(text) == EOF || fflush(stdout) == EOF) {
		log_error("cannot write the result");
		return JOB_FAILED;
	}
	log_notice("%s: %s %s", gate_outcome_name(result.outcome), gate_check_name(result.check),
		   result.text);
	return JOB_OK;
}
