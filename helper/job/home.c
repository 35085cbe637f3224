/* home.c - devvm-job home: what happens inside a home, as its owner.
 *
 * Runs in devvm-home@USER without any privilege. It asks devvm-helperd what there is to do
 * for this person, runs the home steps of the table, each guarded, and reports each result.
 * A failed step never stops the others; it is tried again when its retry has come.
 */
#include "job/jobs.h"

#include <pwd.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "job/guard.h"
#include "job/report.h"
#include "job/settings.h"
#include "wire/client.h"
#include "wire/paths.h"
#include "wire/proto.h"

#define ASK_DEADLINE_MS 10000

static int add_hold(struct home_work *work, const struct record *row)
{
	const char *step = record_get(row, "step");
	const char *until = record_get(row, "until");
	uint64_t usec = 0;

	if (!step || !until || str_to_uint(until, INT64_MAX, &usec) < 0)
		return -EBADMSG;
	if (work->n_holds == WORK_MAX_HOLDS)
		return 0;
	(void)snprintf(work->holds[work->n_holds].step, sizeof(work->holds[0].step), "%s", step);
	work->holds[work->n_holds++].until_usec = (int64_t)usec;
	return 0;
}

/* 0 where there is none. */
static int read_port(const struct record *row, const char *key, unsigned int *ret_port)
{
	const char *text = record_get(row, key);
	uint64_t port = 0;

	if (text && str_to_uint(text, UINT16_MAX, &port) < 0)
		return -EBADMSG;
	*ret_port = (unsigned int)port;
	return 0;
}

static int add_work(struct home_work *work, const struct record *row)
{
	const char *generation = record_get(row, "generation");
	const char *repos = record_get(row, "repos");
	const char *remote = record_get(row, "code-remote");
	DV_AUTO_FREE char *copy = strdup(repos ? repos : "");
	char *rest = copy;
	char *repo;
	uint64_t number = 0;
	int r = 0;

	if (!generation || str_to_uint(generation, INT64_MAX, &number) < 0 ||
	    read_port(row, "t3-port", &work->ports[PEOPLE_PORT_T3]) < 0 ||
	    read_port(row, "playwright-port", &work->ports[PEOPLE_PORT_PLAYWRIGHT]) < 0)
		return -EBADMSG;
	work->generation = (int64_t)number;
	work->layout =
		str_equal(record_get(row, "layout"), "workspace") ? CODE_WORKSPACE : CODE_SINGLE;
	while (r == 0 && copy && (repo = strsep(&rest, " ")))
		r = *repo ? str_list_add(&work->repos, repo) : 0;
	free(DV_TAKE_PTR(work->code_remote));
	work->code_remote = remote ? strdup(remote) : NULL;
	return r < 0 || !copy || (remote && !work->code_remote) ? -ENOMEM : 0;
}

/* Rows until `done`. */
static int receive_work(int fd, int64_t deadline_ms, struct home_work *work, struct dv_error *err)
{
	for (;;) {
		const struct proto_row *row = NULL;
		struct record answer;
		const char *kind;
		int r = client_receive(fd, &answer, deadline_ms, err);

		if (r == 0)
			r = proto_check(&answer, PROTO_ANSWER, &row, err);
		if (r < 0)
			return r;
		if (row->verb == PROTO_DONE)
			return 0;
		if (row->verb == PROTO_ERROR)
			return dv_refuse(err, -EACCES, "%s", record_get(&answer, "text"));
		kind = record_get(&answer, "kind");
		if (str_equal(kind, "work"))
			r = add_work(work, &answer);
		else if (str_equal(kind, "hold"))
			r = add_hold(work, &answer);
		if (r < 0)
			return dv_fail(err, r, "read a row of kind %s", kind ? kind : "none");
	}
}

static int ask_for_work(struct home_work *work, struct dv_error *err)
{
	int64_t deadline_ms = clock_deadline_ms(ASK_DEADLINE_MS);
	DV_AUTO_CLOSE int fd = client_connect(PATH_HELPER_SOCKET, deadline_ms, err);
	struct record_writer request;
	int r;

	if (fd < 0)
		return fd;
	proto_begin_request(&request, PROTO_WORK);
	record_add(&request, "user", work->user);
	r = client_send(fd, &request, deadline_ms, err);
	if (r == 0)
		r = receive_work(fd, deadline_ms, work, err);
	if (r == 0 && work->generation == 0)
		r = dv_refuse(err, -ENOENT, "%s is not in the roster", work->user);
	return r;
}

/* A run over the home steps. */
struct home_run {
	struct env env;
	struct config config;
	struct home_work work;
	unsigned int n, of;	/* the step at hand, from 1, of how many */
	uint64_t applied_steps; /* a bit per row of STEPS: what this run has brought */
};

static void home_run_done(struct home_run *run)
{
	work_done(&run->work);
	config_done(&run->config);
	env_done(&run->env);
}

static void send_report(const struct home_run *run, const struct step *step, const char *status,
			const char *text, const char *own_login)
{
	struct log_fields fields = { .user = run->work.user, .step = step->name };
	struct dv_error err = { "" };

	if (report_send(&(struct report){ .user = run->work.user,
					  .generation = run->work.generation,
					  .step = step->name,
					  .status = status,
					  .text = text,
					  .own_login = own_login,
					  .n = run->n,
					  .of = run->of },
			&err) < 0)
		log_write(LOG_WARNING, &fields, "%s: %s: %s", run->work.user, step->name, err.text);
}

static void on_apply(void *context, const struct step *step)
{
	send_report(context, step, "running", step->doing, NULL);
}

/* What this step waited for may be there now. */
static bool has_new_needs(const struct home_run *run, const struct step *step)
{
	for (const struct step *other = STEPS; other->name; other++) {
		if ((run->applied_steps & (UINT64_C(1) << (other - STEPS))) &&
		    step_needs(step, other->name))
			return true;
	}
	return false;
}

static bool is_on_hold(const struct home_run *run, const struct step *step)
{
	int64_t now_usec = run->env.wall_usec(&run->env);

	for (size_t i = 0; i < run->work.n_holds; i++) {
		if (strcmp(run->work.holds[i].step, step->name) == 0)
			return run->work.holds[i].until_usec > now_usec;
	}
	return false;
}

/* The facts step says something even when looking failed: that it cannot be told. */
static const char *login_answer(const struct step *step, const struct guard_result *result)
{
	if (strcmp(step->name, "facts") != 0)
		return NULL;
	return people_login_name(*result->err.text ? PEOPLE_LOGIN_UNREADABLE : result->login);
}

static void run_one(struct home_run *run, const struct step *step)
{
	struct guard_result result;
	bool failed;

	guard_run(&run->env, &run->work, step, on_apply, run, &result);
	failed = *result.err.text != '\0';
	if (!failed && result.applied)
		run->applied_steps |= UINT64_C(1) << (step - STEPS);
	send_report(run, step, failed ? "failed" : "ok",
		    failed	     ? result.err.text
		    : result.applied ? result.what
				     : NULL,
		    login_answer(step, &result));
}

int job_home(int argc, char **argv DV_UNUSED)
{
	DV_CLEANUP(home_run_done)
	struct home_run run = { .env = ENV_EMPTY, .work = { .home_fd = -1 } };
	const struct passwd *me = getpwuid(geteuid());
	struct dv_error err = { "" };
	int r;

	if (argc > 1 || !me || geteuid() == 0) {
		log_error("devvm-job home takes no argument and runs as the person, not as root");
		return JOB_USAGE;
	}
	run.work.user = strdup(me->pw_name);
	run.work.home = strdup(me->pw_dir);
	r = run.work.user && run.work.home ? env_init(&run.env, "/", &err) : -ENOMEM;
	if (r == 0)
		r = settings_load(&run.config, &run.env, &err);
	run.work.config = &run.config;
	if (r == 0)
		r = ask_for_work(&run.work, &err);
	if (r < 0) {
		log_error("home: %s", err.text);
		return JOB_FAILED;
	}
	for (const struct step *step = step_next(STEP_HOME, NULL); step;
	     step = step_next(STEP_HOME, step))
		run.of++;
	for (const struct step *step = step_next(STEP_HOME, NULL); step;
	     step = step_next(STEP_HOME, step)) {
		run.n++;
		if (!is_on_hold(&run, step) || has_new_needs(&run, step))
			run_one(&run, step);
	}
	return JOB_OK;
}
