/* verbs.c - see verbs.h. */
#include "daemon/verbs.h"

#include "ledger/people.h"

typedef struct answer *(*verb_handler)(struct daemon *, const struct request *,
				       struct record_writer *);

/* NULL: an answer's verb, which proto_check() never lets in as a request. */
static const verb_handler VERB_HANDLERS[] = {
	[PROTO_OPEN_SESSION] = session_handle_open,
	[PROTO_REPORT] = report_handle,
	[PROTO_WORK] = work_handle,
	[PROTO_ENSURE] = wait_handle_ensure,
	[PROTO_WAIT] = wait_handle_wait,
	[PROTO_STATUS] = status_handle,
	[PROTO_RECONCILE] = wait_handle_reconcile,
	[PROTO_MACHINE] = programs_handle_machine,
	[PROTO_INSTALL] = programs_handle_install,
	[PROTO_OFFBOARD] = offboard_handle,
	[PROTO_EVENTS] = feed_handle_events,
	[PROTO_SECRETS] = secrets_handle,
	[PROTO_BACKUP] = backup_handle,
	[PROTO_RESTORE] = restore_handle,
	[PROTO_BACKUPS] = backups_handle,
	[PROTO_MIRRORS] = mirrors_handle,
	[PROTO_UPDATE] = update_handle,
	[PROTO_VERSIONS] = versions_handle,
	[PROTO_FREEZE] = freeze_handle,
	[PROTO_UNFREEZE] = unfreeze_handle,
	[PROTO_UPDATE_NOW] = people_update_handle_now,
	[PROTO_NOT_BEFORE] = people_update_handle_not_before,
	[PROTO_MINT] = mint_handle,
	[PROTO_MINTED] = minted_handle,
	[PROTO_PROGRESS] = NULL,
	[PROTO_ROW] = NULL,
	[PROTO_DONE] = NULL,
	[PROTO_ERROR] = NULL,
};
_Static_assert(DV_COUNT(VERB_HANDLERS) == PROTO_N_VERBS, "a row per verb");

struct answer *verbs_handle(struct daemon *daemon, const struct request *request,
			    struct record_writer *reply)
{
	verb_handler handler = VERB_HANDLERS[request->row->verb];

	if (handler)
		return handler(daemon, request, reply);
	answer_write_error(reply, PROTO_CODE_BAD_REQUEST, "%s is no request", request->row->name);
	return NULL;
}

int verbs_find_person(struct daemon *daemon, const char *user, struct people_row *ret_person,
		      struct record_writer *reply)
{
	struct dv_error err = { "" };
	struct ledger *ledger;
	int r = store_get(&daemon->store, &ledger, &err);

	if (r == 0)
		r = store_note(&daemon->store, people_get(ledger, user, ret_person, &err), &err);
	if (r < 0 && r != -ENOENT) {
		answer_write_error(reply, PROTO_CODE_FAILED, "%s", err.text);
		return r;
	}
	if (r == 0 && ret_person->state == PEOPLE_PRESENT)
		return 0;
	people_row_done(ret_person);
	answer_write_error(reply, PROTO_CODE_NOT_FOUND, "%s is not on the roster", user);
	return -ENOENT;
}

bool verbs_is_set(const struct request *request, const char *key)
{
	return str_equal(record_get(request->record, key), "1");
}

struct answer *verbs_no_memory(struct record_writer *reply)
{
	answer_write_error(reply, PROTO_CODE_BUSY, "out of memory");
	return NULL;
}
