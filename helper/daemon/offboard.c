/* offboard.c - the verb offboard: a plan, or the archive itself, by the job devvm-offboard@.
 *
 * What a plan found comes as lines "key=value" in the ledger and goes on as one row. */
#include <string.h>

#include "daemon/programs.h"
#include "daemon/verbs.h"
#include "ledger/installs.h"
#include "ledger/people.h"

static void write_row(char *lines, struct record_writer *writer)
{
	char *line;

	record_begin(writer, proto_row_of(PROTO_ROW)->name);
	record_add(writer, "kind", "offboard");
	while ((line = strsep(&lines, "\n"))) {
		char *value = strchr(line, '=');

		if (!value)
			continue;
		*value++ = '\0';
		record_add_text(writer, line, value);
	}
}

static enum answer_next plan_next(struct answer *answer, struct record_writer *writer)
{
	struct program_waiter *waiter = (struct program_waiter *)answer;
	struct store *store = &answer->daemon->store;
	DV_AUTO_FREE char *text = NULL;
	struct dv_error err = { "" };
	struct ledger *ledger;
	bool done = false;
	int r;

	if (waiter->told) {
		answer_write_done(writer, NULL, NULL);
		return ANSWER_LAST;
	}
	if (programs_result(waiter, NULL) != UNITS_DONE)
		return programs_next_result(answer, writer);
	r = store_get(store, &ledger, &err);
	if (r == 0)
		r = store_note(store, installs_get(ledger, waiter->instance, &done, &text, &err),
			       &err);
	if (r < 0 || !done) {
		answer_write_error(writer, PROTO_CODE_FAILED, "%s",
				   r < 0 ? err.text : "the job left no plan");
		return ANSWER_LAST;
	}
	waiter->told = true;
	write_row(text, writer);
	return ANSWER_RECORD;
}

/* Whoever left is not on the roster: only a name that was never there is unknown. */
static int find_person(struct daemon *daemon, const char *user, struct record_writer *reply)
{
	DV_AUTO_PEOPLE_ROW struct people_row person = { 0 };
	struct dv_error err = { "" };
	struct ledger *ledger;
	int r = store_get(&daemon->store, &ledger, &err);

	if (r == 0)
		r = store_note(&daemon->store, people_get(ledger, user, &person, &err), &err);
	if (r < 0)
		answer_write_error(reply, r == -ENOENT ? PROTO_CODE_NOT_FOUND : PROTO_CODE_FAILED,
				   "%s", err.text);
	return r;
}

struct answer *offboard_handle(struct daemon *daemon, const struct request *request,
			       struct record_writer *reply)
{
	static const struct answer_ops PLAN = { .next = plan_next,
						.release = programs_release_waiter };
	static const struct answer_ops ARCHIVE = { .next = programs_next_result,
						   .release = programs_release_waiter };
	bool is_archive = verbs_is_set(request, "archive");
	const char *word = is_archive ? "archive" : "plan";
	char instance[STAGE_NAME_BYTES], unit[STAGE_NAME_BYTES + 32];

	if (find_person(daemon, request->user, reply) < 0)
		return NULL;
	(void)snprintf(instance, sizeof(instance), "offboard-%s-%s", word, request->user);
	(void)snprintf(unit, sizeof(unit), "devvm-offboard@%s-%s.service", word, request->user);
	return programs_wait_for(daemon, is_archive ? &ARCHIVE : &PLAN, unit, instance, reply);
}
