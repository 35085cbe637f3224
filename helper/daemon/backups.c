/* backups.c - the verbs backup, backups and restore: have copies made or put back by a job, and list them. */
#include "daemon/programs.h"
#include "daemon/verbs.h"
#include "ledger/backups.h"
#include "ledger/people.h"

struct backups_answer {
	struct answer base;
	bool is_read;
	struct backups backups;
	size_t at;
};

static void backups_release(struct answer *answer)
{
	backups_done(&((struct backups_answer *)answer)->backups);
}

static void write_row(const struct backups_row *row, struct record_writer *writer)
{
	record_begin(writer, proto_row_of(PROTO_ROW)->name);
	record_add(writer, "kind", "backup");
	record_add(writer, "user", row->name);
	record_add(writer, "id", row->id);
	record_add(writer, "state", row->is_ok ? "ok" : "failed");
	record_add(writer, "reason", row->reason);
	record_add(writer, "version", *row->version ? row->version : NULL);
	record_add_int(writer, "took", row->took_ms);
	if (row->is_ok) {
		record_add_int(writer, "bytes", row->bytes);
		record_add_int(writer, "level", row->level);
		record_add(writer, "sha256", row->sha256);
		record_add_text(writer, "rows", row->rows);
	}
	record_add(writer, "needed-by", row->needed_by);
	record_add_text(writer, "error", row->error ? row->error : "");
}

static enum answer_next backups_next(struct answer *answer, struct record_writer *writer)
{
	struct backups_answer *backups = (struct backups_answer *)answer;
	struct store *store = &answer->daemon->store;
	struct dv_error err = { "" };
	struct ledger *ledger;
	int r = 0;

	if (!backups->is_read) {
		backups->is_read = true;
		r = store_get(store, &ledger, &err);
		if (r == 0)
			r = store_note(store,
				       backups_list(ledger, *answer->user ? answer->user : NULL,
						    &backups->backups, &err),
				       &err);
	}
	if (r < 0) {
		answer_write_error(writer, PROTO_CODE_FAILED, "%s", err.text);
		return ANSWER_LAST;
	}
	if (backups->at < backups->backups.n_rows) {
		write_row(&backups->backups.rows[backups->at++], writer);
		return ANSWER_RECORD;
	}
	answer_write_done(writer, NULL, NULL);
	return ANSWER_LAST;
}

struct answer *backups_handle(struct daemon *daemon, const struct request *request,
			      struct record_writer *reply)
{
	static const struct answer_ops OPS = { .next = backups_next, .release = backups_release };
	struct backups_answer *backups = answer_new(sizeof(*backups), &OPS, daemon, request->user);

	return backups ? &backups->base : verbs_no_memory(reply);
}

struct answer *backup_handle(struct daemon *daemon, const struct request *request,
			     struct record_writer *reply)
{
	static const struct answer_ops OPS = { .next = programs_next_result,
					       .release = programs_release_waiter };
	DV_AUTO_PEOPLE_ROW struct people_row person = { 0 };
	char instance[STAGE_NAME_BYTES], unit[STAGE_NAME_BYTES + 32] = "devvm-backup.service";

	if (request->user && verbs_find_person(daemon, request->user, &person, reply) < 0)
		return NULL;
	(void)snprintf(instance, sizeof(instance), "backup-%s",
		       request->user ? request->user : "@all");
	if (request->user)
		(void)snprintf(unit, sizeof(unit), "devvm-backup@%s.service", request->user);
	return programs_wait_for(daemon, &OPS, unit, instance, reply);
}

/* The ID that was said, or of the newest copy. */
static int find_id(struct daemon *daemon, const struct request *request,
		   char ret_id[static BACKUPS_ID_BYTES], struct record_writer *reply)
{
	const char *said = record_get(request->record, "id");
	DV_AUTO_BACKUPS struct backups backups = { 0 };
	struct dv_error err = { "" };
	struct ledger *ledger;
	int r;

	if (said && !backups_is_id(said)) {
		answer_write_error(reply, PROTO_CODE_BAD_REQUEST,
				   "an ID is a time, as devvmctl backups %s shows them",
				   request->user);
		return -EINVAL;
	}
	(void)snprintf(ret_id, BACKUPS_ID_BYTES, "%s", said ? said : "");
	if (said)
		return 0;
	r = store_get(&daemon->store, &ledger, &err);
	if (r == 0)
		r = store_note(&daemon->store, backups_list(ledger, request->user, &backups, &err),
			       &err);
	for (size_t i = 0; r == 0 && !*ret_id && i < backups.n_rows; i++) {
		if (backups.rows[i].is_ok)
			(void)snprintf(ret_id, BACKUPS_ID_BYTES, "%s", backups.rows[i].id);
	}
	if (r == 0 && *ret_id)
		return 0;
	answer_write_error(reply, r < 0 ? PROTO_CODE_FAILED : PROTO_CODE_NOT_FOUND, "%s%s",
			   r < 0 ? err.text : "there is no copy of ", r < 0 ? "" : request->user);
	return -ENOENT;
}

struct answer *restore_handle(struct daemon *daemon, const struct request *request,
			      struct record_writer *reply)
{
	static const struct answer_ops OPS = { .next = programs_next_result,
					       .release = programs_release_waiter };
	static const char *const words[2][2] = { { "run", "force" }, { "plan", "plan_force" } };
	const char *word = words[verbs_is_set(request, "dry-run")][verbs_is_set(request, "force")];
	/* Who is stuck in an update or a restore gets out by an ID that was said alone. */
	const char *which = record_get(request->record, "id") ? "" : "_newest";
	DV_AUTO_PEOPLE_ROW struct people_row person = { 0 };
	char id[BACKUPS_ID_BYTES], instance[STAGE_NAME_BYTES], unit[STAGE_NAME_BYTES + 32];

	if (verbs_find_person(daemon, request->user, &person, reply) < 0 ||
	    find_id(daemon, request, id, reply) < 0)
		return NULL;
	(void)snprintf(instance, sizeof(instance), "restore-%s%s-%s-%s", word, which, request->user,
		       id);
	(void)snprintf(unit, sizeof(unit), "devvm-restore@%s%s-%s-%s.service", word, which,
		       request->user, id);
	return programs_wait_for(daemon, &OPS, unit, instance, reply);
}
