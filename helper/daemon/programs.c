/* programs.c - see programs.h.
 *
 * A run is kept until its last waiter is gone or has its answer: whoever waits holds the run,
 * so its result cannot be taken for that of a later one.
 */
#include "daemon/programs.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/server.h"
#include "daemon/verbs.h"
#include "ledger/installs.h"
#include "ledger/steps_log.h"
#include "steps/steps.h"

#define UNIT_BYTES 160
#define CHECK_USEC (10 * 1000000ULL) /* how exact "next try" is */
#define FIRST_PAUSE_MS 20000
#define UNIT_MACHINE "devvm-machine.service"
#define UNIT_PACKAGES "devvm-packages.service"

struct run {
	char unit[UNIT_BYTES];
	unsigned int n_waiters;
	bool runs;
	enum units_result result; /* when it has ended */
	char text[ERROR_MAX_BYTES];
};

struct programs {
	struct daemon *daemon;
	sd_event_source *check;
	int64_t pause_ms, paused_until_ms; /* see note_machine_end() */
	struct run *runs[PROGRAMS_MAX];	   /* those that run; NULL for a free place */
};

static void let_go(struct run *run)
{
	if (run && run->n_waiters == 0 && !run->runs)
		free(run);
}

/* The machine's steps that failed, in their own words; how many. */
static unsigned int list_failed(const struct steps_log *log, char ret_text[static RECORD_TEXT_MAX])
{
	unsigned int n_failed = 0;
	size_t n = 0;

	*ret_text = '\0';
	for (size_t i = 0; i < log->n_rows; i++) {
		const struct steps_log_row *row = &log->rows[i];
		const struct step *step = step_find(row->step);

		if (row->status != STEPS_LOG_FAILED || !step || step->place != STEP_MACHINE)
			continue;
		if (n < RECORD_TEXT_MAX)
			n += (size_t)snprintf(ret_text + n, RECORD_TEXT_MAX - n, "%s%s: %.300s",
					      n_failed ? "; " : "", row->step,
					      row->error ? row->error : "no reason given");
		n_failed++;
	}
	return n_failed;
}

/* What failed for people may have waited for what is on the machine now. Only when nothing of the
 * machine's own fails any more: a machine job that is tried over and over does not undo the
 * backoff of others. */
static void retry_people(struct daemon *daemon)
{
	DV_AUTO_STEPS_LOG struct steps_log log = { 0 };
	char text[RECORD_TEXT_MAX];
	struct dv_error err = { "" };
	struct ledger *ledger;
	int r = store_get(&daemon->store, &ledger, &err);

	if (r == 0)
		r = steps_log_list(ledger, "", &log, &err);
	if (r == 0 && list_failed(&log, text) == 0)
		r = steps_log_retry_people(ledger, daemon_now_usec(daemon), &err);
	if (store_note(&daemon->store, r, &err) < 0)
		log_debug("%s", err.text); /* they are tried when their time has come */
}

/* A machine job that could not run (devvm.yaml has a mistake) leaves what is due as it was: it is not
 * tried again with each check, but after a pause that doubles. */
static void note_machine_end(struct programs *programs, bool ran)
{
	int64_t pause_ms = programs->pause_ms ? 2 * programs->pause_ms : FIRST_PAUSE_MS;

	if (pause_ms > STEPS_LOG_MAX_RETRY_MS)
		pause_ms = STEPS_LOG_MAX_RETRY_MS;
	programs->pause_ms = ran ? 0 : pause_ms;
	programs->paused_until_ms = clock_deadline_ms(programs->pause_ms);
}

void programs_on_end(void *context, const char *unit, enum units_result result, const char *text)
{
	struct programs *programs = context;
	struct daemon *daemon = programs->daemon;
	struct run *run = NULL;

	for (size_t i = 0; !run && i < PROGRAMS_MAX; i++) {
		if (!programs->runs[i] || strcmp(programs->runs[i]->unit, unit) != 0)
			continue;
		run = DV_TAKE_PTR(programs->runs[i]);
	}
	if (!run)
		return;
	run->runs = false;
	run->result = result;
	(void)snprintf(run->text, sizeof(run->text), "%s: %s; see journalctl -u %s", unit, text,
		       unit);
	if (result == UNITS_DONE)
		retry_people(daemon);
	if (strcmp(unit, UNIT_MACHINE) == 0)
		note_machine_end(programs, result == UNITS_DONE);
	/* What is new on the machine may be news for people: their pointers. */
	(void)queue_request_reconcile(daemon->queue, NULL); /* nobody waits for this one */
	daemon_wake_queue(daemon);
	run->n_waiters++; /* not to be freed by the last of them */
	server_kick(daemon->server, NULL);
	run->n_waiters--;
	let_go(run);
}

static struct run *find_run(struct programs *programs, const char *unit)
{
	for (size_t i = 0; i < PROGRAMS_MAX; i++) {
		if (programs->runs[i] && strcmp(programs->runs[i]->unit, unit) == 0)
			return programs->runs[i];
	}
	return NULL;
}

/* The run of `unit`, started where none runs. */
static int start(struct programs *programs, const char *unit, struct run **ret_run,
		 struct dv_error *err)
{
	DV_AUTO_FREE struct run *run = NULL;
	size_t at = 0;
	int r;

	*ret_run = find_run(programs, unit);
	if (*ret_run)
		return 0;
	while (at < PROGRAMS_MAX && programs->runs[at])
		at++;
	if (at == PROGRAMS_MAX)
		return dv_refuse(err, -EBUSY, "%d programs are being installed; try again later",
				 PROGRAMS_MAX);
	run = calloc(1, sizeof(*run));
	if (!run)
		return dv_fail(err, -ENOMEM, "start %s", unit);
	run->runs = true;
	(void)snprintf(run->unit, sizeof(run->unit), "%s", unit);
	r = units_start(programs->daemon->units, unit, programs_on_end, programs, err);
	if (r < 0)
		return r;
	*ret_run = programs->runs[at] = DV_TAKE_PTR(run);
	return 0;
}

void programs_release_waiter(struct answer *answer)
{
	struct program_waiter *waiter = (struct program_waiter *)answer;

	if (waiter->run)
		waiter->run->n_waiters--;
	let_go(DV_TAKE_PTR(waiter->run));
}

enum units_result programs_result(const struct program_waiter *waiter, const char **ret_text)
{
	if (waiter->run->runs)
		return UNITS_UNSET;
	if (ret_text)
		*ret_text = waiter->run->text;
	return waiter->run->result;
}

struct answer *programs_wait_for(struct daemon *daemon, const struct answer_ops *ops,
				 const char *unit, const char *instance,
				 struct record_writer *reply)
{
	struct program_waiter *waiter = answer_new(sizeof(*waiter), ops, daemon, NULL);
	struct dv_error err = { "" };
	struct run *run = NULL;
	int r;

	if (!waiter)
		return verbs_no_memory(reply);
	r = start(daemon->programs, unit, &run, &err);
	if (r < 0) {
		answer_free(&waiter->base);
		answer_write_error(reply, r == -EBUSY ? PROTO_CODE_BUSY : PROTO_CODE_FAILED, "%s",
				   err.text);
		return NULL;
	}
	run->n_waiters++;
	waiter->run = run;
	(void)snprintf(waiter->instance, sizeof(waiter->instance), "%s", instance);
	return &waiter->base;
}

static enum answer_next machine_next(struct answer *answer, struct record_writer *writer)
{
	struct program_waiter *waiter = (struct program_waiter *)answer;
	struct store *store = &answer->daemon->store;
	DV_AUTO_STEPS_LOG struct steps_log log = { 0 };
	char text[RECORD_TEXT_MAX];
	struct dv_error err = { "" };
	struct ledger *ledger;
	unsigned int n_failed;
	int r;

	if (waiter->run->runs)
		return ANSWER_WAIT;
	r = store_get(store, &ledger, &err);
	if (r == 0)
		r = store_note(store, steps_log_list(ledger, "", &log, &err), &err);
	n_failed = r < 0 ? 0 : list_failed(&log, text);
	if (waiter->run->result != UNITS_DONE)
		answer_write_error(writer, PROTO_CODE_FAILED, "%s", waiter->run->text);
	else if (r < 0)
		answer_write_error(writer, PROTO_CODE_FAILED, "%s", err.text);
	else if (n_failed > 0)
		answer_write_error(writer, PROTO_CODE_FAILED, "%u step%s failed: %s", n_failed,
				   n_failed == 1 ? "" : "s", text);
	else
		answer_write_done(writer, NULL, NULL);
	return ANSWER_LAST;
}

/* install, machine with packages: what the job left in the ledger about this instance. */

enum answer_next programs_next_result(struct answer *answer, struct record_writer *writer)
{
	struct program_waiter *waiter = (struct program_waiter *)answer;
	struct store *store = &answer->daemon->store;
	DV_AUTO_FREE char *text = NULL;
	struct dv_error err = { "" };
	struct ledger *ledger;
	bool done = false;
	int r;

	if (waiter->run->runs)
		return ANSWER_WAIT;
	r = store_get(store, &ledger, &err);
	if (r == 0)
		r = store_note(store, installs_get(ledger, waiter->instance, &done, &text, &err),
			       &err);
	if (r < 0)
		answer_write_error(writer, PROTO_CODE_FAILED, "%s", err.text);
	else if (waiter->run->result == UNITS_DONE)
		answer_write_done(writer, NULL, text);
	else /* an earlier success says nothing about a job that was killed */
		answer_write_error(writer, PROTO_CODE_FAILED, "%s",
				   text && !done ? text : waiter->run->text);
	return ANSWER_LAST;
}

struct answer *programs_handle_machine(struct daemon *daemon, const struct request *request,
				       struct record_writer *reply)
{
	static const struct answer_ops MACHINE = { .next = machine_next,
						   .release = programs_release_waiter };
	static const struct answer_ops PACKAGES = { .next = programs_next_result,
						    .release = programs_release_waiter };

	if (verbs_is_set(request, "packages"))
		return programs_wait_for(daemon, &PACKAGES, UNIT_PACKAGES, INSTALLS_PACKAGES,
					 reply);
	return programs_wait_for(daemon, &MACHINE, UNIT_MACHINE, "", reply);
}

struct answer *programs_handle_install(struct daemon *daemon, const struct request *request,
				       struct record_writer *reply)
{
	static const struct answer_ops OPS = { .next = programs_next_result,
					       .release = programs_release_waiter };
	const struct stage_item *item = stage_find_item(record_get(request->record, "item"));
	const char *want = record_get(request->record, "version");
	char instance[STAGE_NAME_BYTES], unit[UNIT_BYTES];

	if (!item) {
		answer_write_error(reply, PROTO_CODE_NOT_FOUND,
				   "only t3 and playwright can be installed");
		return NULL;
	}
	if (!want)
		want = item->tag(&daemon->config);
	if (!stage_is_want(want)) {
		answer_write_error(reply, PROTO_CODE_BAD_REQUEST, "that is no version or tag");
		return NULL;
	}
	(void)snprintf(instance, sizeof(instance), "%s-%s", item->name, want);
	(void)snprintf(unit, sizeof(unit), "devvm-install@%s.service", instance);
	return programs_wait_for(daemon, &OPS, unit, instance, reply);
}

/* A failed step of the machine is tried again when the ledger says so. */
static bool is_due(struct daemon *daemon)
{
	DV_AUTO_STEPS_LOG struct steps_log log = { 0 };
	struct ledger *ledger;
	int r = store_get(&daemon->store, &ledger, NULL);

	if (r == 0)
		r = store_note(&daemon->store, steps_log_list(ledger, "", &log, NULL), NULL);
	for (size_t i = 0; r == 0 && i < log.n_rows; i++) {
		const struct step *step = step_find(log.rows[i].step);

		if (log.rows[i].status == STEPS_LOG_FAILED && step && step->place == STEP_MACHINE &&
		    log.rows[i].next_retry_usec <= daemon_now_usec(daemon))
			return true;
	}
	return false;
}

static int on_check(sd_event_source *source, uint64_t usec DV_UNUSED, void *context)
{
	struct programs *programs = context;
	struct dv_error err = { "" };
	struct run *run = NULL;

	if (clock_left_ms(programs->paused_until_ms) == 0 && is_due(programs->daemon) &&
	    start(programs, UNIT_MACHINE, &run, &err) < 0)
		log_warning("%s", err.text);
	/* These fail for a source that is gone, and it is the one that has just fired. */
	(void)sd_event_source_set_time_relative(source, CHECK_USEC);
	(void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

static void programs_freep(struct programs **programs)
{
	programs_free(*programs);
}

int programs_new(struct programs **ret_programs, struct daemon *daemon, struct dv_error *err)
{
	DV_CLEANUP(programs_freep) struct programs *programs = calloc(1, sizeof(*programs));
	int r;

	if (!programs)
		return dv_fail(err, -ENOMEM, "set up the programs");
	programs->daemon = daemon;
	r = sd_event_add_time_relative(daemon->event, &programs->check, CLOCK_MONOTONIC, CHECK_USEC,
				       1000000, on_check, programs);
	if (r >= 0)
		r = sd_event_source_set_priority(programs->check, DAEMON_PRIORITY_IDLE);
	if (r < 0)
		return dv_fail(err, r, "set up the programs");
	*ret_programs = DV_TAKE_PTR(programs);
	return 0;
}

void programs_free(struct programs *programs)
{
	if (!programs)
		return;
	sd_event_source_disable_unref(programs->check);
	for (size_t i = 0; i < PROGRAMS_MAX; i++)
		free(programs->runs[i]);
	free(programs);
}
