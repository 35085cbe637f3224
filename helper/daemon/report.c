/* report.c - the verb report: a job tells how a step goes.
 *
 * People report steps of their own home job and nothing else, for the generation that they
 * have now: a job that was overtaken by a change of the roster, or by the person's leaving,
 * cannot write its results over it.
 */
#include <inttypes.h>
#include <string.h>

#include "daemon/reports.h"
#include "daemon/server.h"
#include "daemon/verbs.h"
#include "steps/steps.h"

#define REPORT_MAX_COUNT 9999 /* of `n` and `of` */

enum report_status {
	REPORT_STATUS_UNSET,
	REPORT_STATUS_RUNNING,
	REPORT_STATUS_OK,
	REPORT_STATUS_FAILED,
	REPORT_STATUS_PLAN, /* a line of a plan: nothing was changed */
};

static const char *const STATUS_NAMES[] = {
	[REPORT_STATUS_UNSET] = "",
	[REPORT_STATUS_RUNNING] = "running",
	[REPORT_STATUS_OK] = "ok",
	[REPORT_STATUS_FAILED] = "failed",
};

struct parsed {
	enum report_status status;
	uint64_t generation;
	enum people_login login;
	struct answer_progress progress;
};

static int parse_status(const char *text, enum report_status *ret_status)
{
	for (size_t i = REPORT_STATUS_RUNNING; i < DV_COUNT(STATUS_NAMES); i++) {
		if (str_equal(text, STATUS_NAMES[i])) {
			*ret_status = (enum report_status)i;
			return 0;
		}
	}
	*ret_status = REPORT_STATUS_PLAN;
	return proto_plan_sign(text) ? 0 : -EINVAL;
}

static int parse_count(const char *text, unsigned int *ret_count)
{
	uint64_t value = 0;
	int r = text ? str_to_uint(text, REPORT_MAX_COUNT, &value) : 0;

	*ret_count = (unsigned int)value;
	return r;
}

static int parse(const struct request *request, struct parsed *parsed, struct dv_error *err)
{
	const struct record *record = request->record;
	const char *login = record_get(record, "own-login");

	parsed->progress = (struct answer_progress){
		.user = record_get(record, "user"),
		.step = record_get(record, "step"),
		.status = record_get(record, "status"),
		.text = record_get(record, "text"),
	};
	if (parse_status(parsed->progress.status, &parsed->status) < 0)
		return dv_refuse(err, -EBADMSG, "unknown status %.32s", parsed->progress.status);
	if (str_to_uint(record_get(record, "generation"), INT64_MAX, &parsed->generation) < 0)
		return dv_refuse(err, -EBADMSG, "the value of generation is no number");
	if (parse_count(record_get(record, "n"), &parsed->progress.n) < 0 ||
	    parse_count(record_get(record, "of"), &parsed->progress.of) < 0)
		return dv_refuse(err, -EBADMSG, "the values of n and of go up to %d",
				 REPORT_MAX_COUNT);
	parsed->login = people_login_from_name(login);
	if (login &&
	    (parsed->login == PEOPLE_LOGIN_UNKNOWN || !str_equal(parsed->progress.step, "facts")))
		return dv_refuse(err, -EBADMSG,
				 "own-login goes with the step facts and is none, own or "
				 "unreadable");
	if (strlen(parsed->progress.step) >= sizeof((struct queue_progress){ 0 }.step))
		return dv_refuse(err, -EBADMSG, "the name of the step is too long");
	if (!request->user && parsed->status != REPORT_STATUS_PLAN)
		return dv_refuse(err, -EBADMSG, "only a plan reports about nobody");
	return 0;
}

static int may_report(const struct request *request, const struct parsed *parsed,
		      struct dv_error *err)
{
	const struct step *step = step_find(parsed->progress.step);

	if (request->roles & PROTO_ROLE_ROOT)
		return 0;
	if (parsed->status == REPORT_STATUS_PLAN)
		return dv_refuse(err, -EACCES, "only root reports a plan");
	if (!step || step->place != STEP_HOME)
		return dv_refuse(err, -EACCES, "%.64s is no step of a home job",
				 parsed->progress.step);
	return 0;
}

static void note_running(struct daemon *daemon, const struct answer_progress *progress)
{
	struct queue_progress now = { .n = progress->n, .of = progress->of };

	(void)snprintf(now.step, sizeof(now.step), "%s", progress->step);
	/* Cut where it is too long; answer_write_progress() mends a cut character. */
	(void)snprintf(now.text, sizeof(now.text), "%.255s", progress->text ? progress->text : "");
	queue_note_progress(daemon->queue, progress->user, &now);
}

/* Into the ledger; false with the error in `reply`. */
static bool keep(struct daemon *daemon, const struct request *request, const struct parsed *parsed,
		 struct record_writer *reply)
{
	DV_AUTO_PEOPLE_ROW struct people_row person = { 0 };
	const struct reports_item item = {
		.user = request->user,
		.step = parsed->progress.step,
		.status = parsed->status == REPORT_STATUS_OK ? STEPS_LOG_OK : STEPS_LOG_FAILED,
		.error = parsed->status == REPORT_STATUS_FAILED ? parsed->progress.text : NULL,
		.fingerprint = record_get(request->record, "fingerprint"),
		.generation = (int64_t)parsed->generation,
		.login = parsed->login,
	};

	if (verbs_find_person(daemon, request->user, &person, reply) < 0)
		return false;
	if (person.generation != item.generation) {
		answer_write_error(reply, PROTO_CODE_DENIED,
				   "the report is stale: %s is at generation %" PRId64,
				   request->user, person.generation);
		return false;
	}
	if (reports_add(daemon->reports, &item) == 0)
		return true;
	answer_write_error(reply, PROTO_CODE_BUSY, "too many reports wait for the ledger");
	return false;
}

struct answer *report_handle(struct daemon *daemon, const struct request *request,
			     struct record_writer *reply)
{
	struct dv_error err = { "" };
	struct parsed parsed = { 0 };

	if (parse(request, &parsed, &err) < 0) {
		answer_write_error(reply, PROTO_CODE_BAD_REQUEST, "%s", err.text);
		return NULL;
	}
	if (may_report(request, &parsed, &err) < 0) {
		answer_write_error(reply, PROTO_CODE_DENIED, "%s", err.text);
		return NULL;
	}
	switch (parsed.status) {
	case REPORT_STATUS_RUNNING:
		note_running(daemon, &parsed.progress);
		break;
	case REPORT_STATUS_OK:
	case REPORT_STATUS_FAILED:
		if (!keep(daemon, request, &parsed, reply))
			return NULL;
		break;
	case REPORT_STATUS_PLAN:
	case REPORT_STATUS_UNSET:
		break;
	}
	server_progress(daemon->server, &parsed.progress);
	answer_write_done(reply, NULL, NULL);
	return NULL;
}
