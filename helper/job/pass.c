/* pass.c - see pass.h. */
#include "job/pass.h"

#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "job/report.h"
#include "ledger/events.h"
#include "steps/envfile.h"
#include "steps/lock.h"
#include "steps/paths.h"
#include "steps/ticket.h"
#include "wire/proto.h"

#define LOCK_DEADLINE_MS 60000
#define MAX_RESULTS 12 /* steps of one place in the table */

/* The machine's own passes; downloads take minutes, and settling waits for systemd: a reconcile
 * must not wait for either. */
static const char *const MACHINE_LOCKS[] = {
	[STEP_SYSTEM] = "@machine", [STEP_MAPS] = "@machine", [STEP_MACHINE] = "@machine-steps",
	[STEP_SETTLE] = "@units",   [STEP_HOME] = NULL,
};

struct pass_result {
	const struct step *step;
	enum steps_log_status status;
	char what[STEP_WHAT_BYTES]; /* what was done, "" for nothing */
	struct dv_error err;	    /* of a failed one */
};

struct pass {
	const struct pass_options *options;
	const struct people_row *person; /* NULL for the machine; `fresh` once that is read */
	struct people_row fresh;
	const char *name; /* "" for the machine */
	const char *machine_lock;
	int lock_fd;
	bool has_begun;
	int begin_failure; /* of begin_change(), with its words */
	struct dv_error begin_err;
	uint64_t failed_steps; /* a bit per row of STEPS */
	struct pass_result *results;
	size_t n_results;
	struct envfile t3_env; /* of the checks since the last change */
};

static void pass_done(struct pass *pass)
{
	people_row_done(&pass->fresh);
	dv_closep(&pass->lock_fd);
	free(pass->results);
	envfile_done(&pass->t3_env);
}

static void tell(const struct pass_options *options, const struct report *report)
{
	struct dv_error err = { "" };

	(void)printf("%c %s %s: %s\n", proto_plan_sign(report->status),
		     *report->user ? report->user : "machine", report->step, report->text);
	if (options->report && report_send(report, &err) < 0)
		log_warning("%s", err.text);
}

void pass_tell_item(const struct pass_options *options, const char *name, const char *step,
		    enum step_mark mark, const char *what)
{
	static const char *const statuses[] = {
		[STEP_ADD] = "add", [STEP_CHANGE] = "change", [STEP_REMOVE] = "remove"
	};

	tell(options, &(struct report){
			      .user = name, .step = step, .status = statuses[mark], .text = what });
}

void pass_tell_trouble(const struct pass_options *options, const char *name, const char *step,
		       const char *why)
{
	tell(options,
	     &(struct report){ .user = name, .step = step, .status = "trouble", .text = why });
}

static int note_result(struct pass *pass, const struct step *step, enum steps_log_status status,
		       const char *what, const struct dv_error *err)
{
	struct pass_result *result;

	if (!pass->results)
		pass->results = calloc(MAX_RESULTS, sizeof(*pass->results));
	if (!pass->results || pass->n_results == MAX_RESULTS)
		return -ENOMEM;
	if (status == STEPS_LOG_FAILED)
		pass->failed_steps |= UINT64_C(1) << (step - STEPS);
	result = &pass->results[pass->n_results++];
	*result = (struct pass_result){ .step = step, .status = status, .err = *err };
	(void)snprintf(result->what, sizeof(result->what), "%s", what);
	return 0;
}

static bool needs_are_met(const struct pass *pass, const struct step *step)
{
	for (const struct step *other = STEPS; other->name && step->needs; other++) {
		if (step_needs(step, other->name) &&
		    (pass->failed_steps & (UINT64_C(1) << (other - STEPS))))
			return false;
	}
	return true;
}

/* The row as it is now. -ESTALE: another job has changed the person since this pass began,
 * and what it was about to do is out of date. */
static int reload(struct pass *pass, struct dv_error *err)
{
	struct people_row now = { 0 };
	enum people_state state;
	int64_t generation;
	int r;

	if (!pass->person)
		return 0;
	generation = pass->person->generation;
	state = pass->person->state;
	r = people_get(pass->options->view->ledger, pass->name, &now, err);
	if (r < 0)
		return r;
	people_row_done(&pass->fresh);
	pass->fresh = now;
	pass->person = &pass->fresh;
	pass->name = pass->fresh.name;
	if (now.generation != generation || now.state != state)
		return dv_refuse(err, -ESTALE, "%s was changed meanwhile", now.name);
	return 0;
}

static int try_begin_change(struct pass *pass, struct dv_error *err)
{
	const struct env *env = pass->options->view->env;
	int r;

	pass->lock_fd = lock_take(env, pass->person ? pass->name : pass->machine_lock,
				  clock_deadline_ms(LOCK_DEADLINE_MS), err);
	if (pass->lock_fd < 0)
		return pass->lock_fd;
	r = reload(pass, err);
	return r == 0 && pass->person ? ticket_remove(env, pass->name, err) : r;
}

/* Once per pass, before the first change. Where it fails nothing of the person may be
 * changed in this pass, and no later step waits for the lock again. */
static int begin_change(struct pass *pass, struct dv_error *err)
{
	if (!pass->has_begun) {
		pass->has_begun = true;
		pass->begin_failure = try_begin_change(pass, &pass->begin_err);
	}
	if (pass->begin_failure < 0)
		return dv_refuse(err, pass->begin_failure, "%s", pass->begin_err.text);
	return 0;
}

static struct step_context context_of(const struct pass *pass)
{
	return (struct step_context){ .env = pass->options->view->env,
				      .config = pass->options->view->config,
				      .machine = pass->options->view,
				      .person = pass->person };
}

/* `what` is left empty where, under the lock, nothing differs any more. */
static int apply_step(struct pass *pass, const struct step *step, struct dv_error *err)
{
	char what[STEP_WHAT_BYTES] = "";
	enum step_verdict verdict = STEP_UNSET;
	struct step_context context;
	int r = begin_change(pass, err);

	context = context_of(pass);
	if (r == 0)
		r = step->apply(&context, err);
	if (r == 0)
		r = reload(pass, err);
	context = context_of(pass);
	if (r == 0)
		r = step->check(&context, &verdict, what, err);
	if (r == 0 && verdict == STEP_DIFFERS)
		r = dv_refuse(err, -EIO, "it was done and still differs: %s", what);
	return r;
}

struct plan_of_step {
	const struct pass *pass;
	const struct step *step;
	unsigned int n_items;
};

static void on_plan_item(void *context, enum step_mark mark, const char *text)
{
	struct plan_of_step *plan = context;

	plan->n_items++;
	pass_tell_item(plan->pass->options, plan->pass->name, plan->step->name, mark, text);
}

/* What the step would do; a check that names no items has one. */
static int plan_step(struct pass *pass, const struct step *step)
{
	struct plan_of_step plan = { .pass = pass, .step = step };
	struct step_context context = context_of(pass);
	char what[STEP_WHAT_BYTES] = "";
	enum step_verdict verdict = STEP_UNSET;
	struct dv_error why = { "" };

	context.t3_env = &pass->t3_env;
	context.on_item = on_plan_item;
	context.item_context = &plan;
	if (step->check(&context, &verdict, what, &why) < 0) {
		pass_tell_trouble(pass->options, pass->name, step->name, why.text);
		return note_result(pass, step, STEPS_LOG_FAILED, "", &why);
	}
	if (verdict == STEP_DIFFERS && plan.n_items == 0)
		on_plan_item(&plan, STEP_CHANGE, what);
	return 0;
}

static int run_step(struct pass *pass, const struct step *step, struct dv_error *err)
{
	const struct pass_options *options = pass->options;
	struct step_context context = context_of(pass);
	char what[STEP_WHAT_BYTES] = "";
	enum step_verdict verdict = STEP_UNSET;
	struct dv_error why = { "" };
	int r;

	context.t3_env = &pass->t3_env;
	r = step->check(&context, &verdict, what, &why);
	if (r < 0)
		return note_result(pass, step, STEPS_LOG_FAILED, "", &why);
	if (verdict != STEP_DIFFERS)
		return steps_log_find(options->failed, pass->name, step->name)
			       ? note_result(pass, step, STEPS_LOG_OK, "", &why)
			       : 0;
	envfile_done(&pass->t3_env);
	options->view->has_done = false;
	r = apply_step(pass, step, &why);
	if (r == -ESTALE)
		return dv_refuse(err, r, "%s", why.text);
	if (options->view->has_done)
		(void)snprintf(what, sizeof(what), "%s", options->view->done);
	return note_result(pass, step, r < 0 ? STEPS_LOG_FAILED : STEPS_LOG_OK, what, &why);
}

static void log_result(const struct pass *pass, const struct pass_result *result)
{
	struct log_fields fields = { .user = pass->person ? pass->name : NULL,
				     .step = result->step->name };
	const char *whom = pass->person ? pass->name : "machine";

	if (result->status == STEPS_LOG_FAILED)
		log_write(LOG_WARNING, &fields, "%s: %s: %s", whom, result->step->name,
			  result->err.text);
	else if (*result->what)
		log_write(LOG_NOTICE, &fields, "%s: %s: %s", whom, result->step->name,
			  result->what);
}

static int write_result(const struct pass *pass, const struct pass_result *result,
			struct dv_error *err)
{
	struct reconcile_view *view = pass->options->view;
	bool failed = result->status == STEPS_LOG_FAILED;
	const char *text = failed ? result->err.text : result->what;
	int64_t now_usec = view->env->wall_usec(view->env);
	int r = steps_log_put(view->ledger,
			      &(struct steps_log_result){
				      .name = pass->name,
				      .step = result->step->name,
				      .status = result->status,
				      .error = result->err.text,
				      .generation = pass->person ? pass->person->generation : 0,
				      .now_usec = now_usec,
			      },
			      err);

	if (r < 0 || !*text)
		return r;
	return events_add(view->ledger, now_usec, failed ? LOG_WARNING : LOG_NOTICE,
			  pass->person ? pass->name : NULL, result->step->name, text, err);
}

/* All results of a pass in one transaction. */
static int write_results(const struct pass *pass, struct dv_error *err)
{
	struct ledger *ledger = pass->options->view->ledger;
	int r;

	if (pass->n_results == 0 || pass->options->dry_run)
		return 0;
	r = ledger_begin_results(ledger, err);
	for (size_t i = 0; r == 0 && i < pass->n_results; i++) {
		log_result(pass, &pass->results[i]);
		r = write_result(pass, &pass->results[i], err);
	}
	if (r == 0)
		r = ledger_commit(ledger, err);
	if (r < 0)
		ledger_rollback(ledger);
	return r;
}

int pass_run(const struct pass_options *options, enum step_place place,
	     const struct people_row *person, struct dv_error *err)
{
	DV_CLEANUP(pass_done)
	struct pass pass = { .options = options,
			     .person = person,
			     .name = person ? person->name : "",
			     .machine_lock = MACHINE_LOCKS[place],
			     .lock_fd = -1 };
	int r = 0;

	for (const struct step *step = step_next(place, NULL); r == 0 && step;
	     step = step_next(place, step)) {
		if (needs_are_met(&pass, step))
			r = options->dry_run ? plan_step(&pass, step) : run_step(&pass, step, err);
	}
	if (r == -ESTALE)
		r = 0; /* whoever changed the person runs the steps for them */
	return r < 0 ? r : write_results(&pass, err);
}

void pass_sweep(const struct env *env)
{
	static const char *const folders[] = { STEPS_ENV_FOLDER,
					       STEPS_KEYS_FOLDER,
					       STEPS_TICKETS_FOLDER,
					       STEPS_SSHD_FOLDER,
					       STEPS_DENIED_FOLDER,
					       LEDGER_FOLDER,
					       "etc" };

	for (size_t i = 0; i < DV_COUNT(folders); i++)
		file_sweep(env->root_dirfd, folders[i]);
}
