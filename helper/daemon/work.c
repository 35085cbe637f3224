/* work.c - the verb work: what a home job is to do. All that the job, which runs as the
 * person and reads neither roster nor ledger, ever learns. */
#include <string.h>

#include "daemon/verbs.h"
#include "ledger/people.h"
#include "ledger/steps_log.h"
#include "steps/steps.h"

struct work {
	struct answer base;
	struct people_row person;
	struct steps_log log;
	bool wrote_person;
	size_t at; /* the next row of `log` to look at */
};

static void write_person(struct work *work, struct record_writer *writer)
{
	const struct people_row *person = &work->person;

	/* One repository per line in the ledger; a value on the wire has no line break. */
	for (char *c = person->repos; c && *c; c++) {
		if (*c == '\n')
			*c = ' ';
	}
	record_begin(writer, proto_row_of(PROTO_ROW)->name);
	record_add(writer, "kind", "work");
	record_add(writer, "user", person->name);
	record_add_int(writer, "generation", person->generation);
	record_add(writer, "layout", person->layout);
	record_add(writer, "repos", person->repos && *person->repos ? person->repos : NULL);
	record_add(writer, "code-remote", work->base.daemon->config.code_remote);
	record_add(writer, "shell", person->shell);
	record_add_int(writer, "t3-port", person->ports[PEOPLE_PORT_T3]);
	record_add_int(writer, "playwright-port", person->ports[PEOPLE_PORT_PLAYWRIGHT]);
}

/* A home step that failed in this generation and whose next try has not come. */
static bool is_held(const struct work *work, const struct steps_log_row *row)
{
	const struct step *step = step_find(row->step);

	return step && step->place == STEP_HOME && row->status == STEPS_LOG_FAILED &&
	       row->generation == work->person.generation &&
	       row->next_retry_usec > daemon_now_usec(work->base.daemon);
}

static enum answer_next work_next(struct answer *answer, struct record_writer *writer)
{
	struct work *work = (struct work *)answer;

	if (!work->wrote_person) {
		work->wrote_person = true;
		write_person(work, writer);
		return ANSWER_RECORD;
	}
	while (work->at < work->log.n_rows) {
		const struct steps_log_row *row = &work->log.rows[work->at++];

		if (!is_held(work, row))
			continue;
		record_begin(writer, proto_row_of(PROTO_ROW)->name);
		record_add(writer, "kind", "hold");
		record_add(writer, "step", row->step);
		record_add_int(writer, "until", row->next_retry_usec);
		return ANSWER_RECORD;
	}
	record_begin(writer, proto_row_of(PROTO_DONE)->name);
	record_add_int(writer, "generation", work->person.generation);
	return ANSWER_LAST;
}

static void work_release(struct answer *answer)
{
	struct work *work = (struct work *)answer;

	people_row_done(&work->person);
	steps_log_done(&work->log);
}

struct answer *work_handle(struct daemon *daemon, const struct request *request,
			   struct record_writer *reply)
{
	static const struct answer_ops OPS = { .next = work_next, .release = work_release };
	DV_AUTO_PEOPLE_ROW struct people_row person = { 0 };
	DV_AUTO_STEPS_LOG struct steps_log log = { 0 };
	struct dv_error err = { "" };
	struct ledger *ledger;
	struct work *work;
	int r;

	if (verbs_find_person(daemon, request->user, &person, reply) < 0)
		return NULL;
	if (!queue_home_forced(daemon->queue, request->user)) {
		r = store_get(&daemon->store, &ledger, &err);
		if (r == 0)
			r = steps_log_list(ledger, request->user, &log, &err);
		if (store_note(&daemon->store, r, &err) < 0) {
			answer_write_error(reply, PROTO_CODE_FAILED, "%s", err.text);
			return NULL;
		}
	}
	work = answer_new(sizeof(*work), &OPS, daemon, request->user);
	if (!work)
		return verbs_no_memory(reply);
	work->person = person;
	work->log = log;
	person = (struct people_row){ 0 };
	log = (struct steps_log){ 0 };
	return &work->base;
}
