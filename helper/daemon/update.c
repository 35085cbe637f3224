/* update.c - the verbs update, freeze and unfreeze.
 *
 * A run is a unit of its own; what came of it is a note in the ledger for the name it was asked
 * by. Forgiving and freezing are a row and a file, done here: neither waits for anything.
 */
#include "base/log.h"
#include "daemon/programs.h"
#include "daemon/verbs.h"
#include "ledger/events.h"
#include "ledger/known_bad.h"
#include "ledger/update_log.h"
#include "ledger/update_notes.h"
#include "update/freeze.h"
#include "update/order.h"

#define UNIT_BYTES 160

enum answer_next update_next(struct answer *answer, struct record_writer *writer)
{
	struct program_waiter *waiter = (struct program_waiter *)answer;
	struct store *store = &answer->daemon->store;
	DV_AUTO_FREE char *outcome = NULL;
	DV_AUTO_FREE char *text = NULL;
	const char *unit_text = "";
	struct dv_error err = { "" };
	struct ledger *ledger;
	int r;

	if (programs_result(waiter, &unit_text) == UNITS_UNSET)
		return ANSWER_WAIT;
	r = store_get(store, &ledger, &err);
	if (r == 0)
		r = store_note(store,
			       update_get_result(ledger, waiter->instance, &outcome, &text, &err),
			       &err);
	if (r < 0)
		answer_write_error(writer, PROTO_CODE_FAILED, "%s", err.text);
	else if (outcome)
		answer_write_done(writer, outcome, text);
	else /* killed before it could leave a word */
		answer_write_error(writer, PROTO_CODE_FAILED, "%s", unit_text);
	return ANSWER_LAST;
}

/* A change of the ledger that is an event too. */
static void note_event(struct daemon *daemon, struct ledger *ledger, const char *text)
{
	struct dv_error err = { "" };
	int r = events_add(ledger, daemon_now_usec(daemon), LOG_NOTICE, NULL, "update", text, &err);

	log_notice("update: %s", text);
	if (store_note(&daemon->store, r, &err) < 0)
		log_warning("%s", err.text);
}

static struct answer *forgive(struct daemon *daemon, const char *version,
			      struct record_writer *reply)
{
	struct dv_error err = { "" };
	struct ledger *ledger;
	char text[200];
	int r = store_get(&daemon->store, &ledger, &err);

	if (r == 0)
		r = store_note(&daemon->store,
			       known_bad_forgive(ledger, version, daemon_now_usec(daemon), &err),
			       &err);
	if (r < 0) {
		answer_write_error(reply, r == -ENOENT ? PROTO_CODE_NOT_FOUND : PROTO_CODE_FAILED,
				   "%s", err.text);
		return NULL;
	}
	(void)snprintf(text, sizeof(text), "t3 %s is forgiven: the next run may take it", version);
	note_event(daemon, ledger, text);
	answer_write_done(reply, NULL, text);
	return NULL;
}

struct answer *update_handle(struct daemon *daemon, const struct request *request,
			     struct record_writer *reply)
{
	static const struct answer_ops OPS = { .next = update_next,
					       .release = programs_release_waiter };
	const char *to = record_get(request->record, "to");
	const char *version = record_get(request->record, "forgive");
	struct order order = { .dry_run = verbs_is_set(request, "dry-run"),
			       .stage_only = verbs_is_set(request, "stage") };
	char instance[ORDER_BYTES], unit[UNIT_BYTES];

	if ((to && !order_is_version(to)) || (version && !order_is_version(version))) {
		answer_write_error(reply, PROTO_CODE_BAD_REQUEST, "that is no version");
		return NULL;
	}
	if ((version && (to || order.dry_run || order.stage_only)) ||
	    (order.dry_run && order.stage_only)) {
		answer_write_error(reply, PROTO_CODE_BAD_REQUEST,
				   "forgive goes alone, and dry-run not with stage");
		return NULL;
	}
	if (version)
		return forgive(daemon, version, reply);
	(void)snprintf(order.to, sizeof(order.to), "%s", to ? to : "");
	order_name(&order, instance);
	(void)snprintf(unit, sizeof(unit), "devvm-update@%s.service", instance);
	return programs_wait_for(daemon, &OPS, unit, instance, reply);
}

/* Freezing works without a ledger; only the event is missing then. */
static struct answer *tell_change(struct daemon *daemon, int r, const struct dv_error *why,
				  const char *text, struct record_writer *reply)
{
	struct ledger *ledger;

	if (r < 0) {
		answer_write_error(reply, r == -EINVAL ? PROTO_CODE_BAD_REQUEST : PROTO_CODE_FAILED,
				   "%s", why->text);
		return NULL;
	}
	if (store_get(&daemon->store, &ledger, NULL) == 0)
		note_event(daemon, ledger, text);
	answer_write_done(reply, NULL, text);
	return NULL;
}

struct answer *freeze_handle(struct daemon *daemon, const struct request *request,
			     struct record_writer *reply)
{
	const char *until = record_get(request->record, "until");
	char shown[FREEZE_TEXT_BYTES], text[FREEZE_TEXT_BYTES + 40];
	struct dv_error err = { "" };
	struct freeze freeze;
	uint64_t until_usec = 0;
	int r = until ? str_to_uint(until, INT64_MAX, &until_usec) : 0;

	if (r < 0 || (until && (int64_t)until_usec <= daemon_now_usec(daemon)))
		r = dv_refuse(&err, -EINVAL, "that time is over already");
	if (r == 0)
		r = freeze_set(daemon->env, record_get(request->record, "reason"),
			       (int64_t)until_usec, 0, &err);
	freeze_look(daemon->env, &freeze);
	freeze_text(&freeze, shown);
	(void)snprintf(text, sizeof(text), "versions are frozen: %s", shown);
	return tell_change(daemon, r, &err, text, reply);
}

struct answer *unfreeze_handle(struct daemon *daemon, const struct request *request DV_UNUSED,
			       struct record_writer *reply)
{
	struct dv_error err = { "" };
	struct freeze freeze;
	int r;

	freeze_look(daemon->env, &freeze);
	r = freeze_lift(daemon->env, &err);
	return tell_change(daemon, r, &err,
			   freeze.is_frozen ? "versions are no longer frozen"
					    : "versions were not frozen",
			   reply);
}
