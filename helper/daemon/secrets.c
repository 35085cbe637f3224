/* secrets.c - the verb secrets: what the ledger knows of each secret; never a value. */
#include "daemon/verbs.h"
#include "ledger/secrets_log.h"

#define SHOWN_VERSION 19 /* "sha256:" and 12 digits; a number is shorter */

struct secrets_answer {
	struct answer base;
	bool is_read;
	struct secrets_log log;
	size_t at;
};

static void secrets_release(struct answer *answer)
{
	secrets_log_done(&((struct secrets_answer *)answer)->log);
}

static void write_row(const struct secrets_log_row *row, struct record_writer *writer)
{
	const char *state = !row->error ? "ok" : row->version ? "kept" : "missing";
	char version[SHOWN_VERSION + 1];

	(void)snprintf(version, sizeof(version), "%s", row->version ? row->version : "");
	record_begin(writer, proto_row_of(PROTO_ROW)->name);
	record_add(writer, "kind", "secret");
	record_add(writer, "name", row->name);
	record_add(writer, "source", row->source);
	record_add(writer, "version", version);
	record_add_int(writer, "staged", row->staged_usec);
	record_add(writer, "state", state);
	record_add_text(writer, "error", row->error ? row->error : "");
}

static enum answer_next secrets_next(struct answer *answer, struct record_writer *writer)
{
	struct secrets_answer *secrets = (struct secrets_answer *)answer;
	struct store *store = &answer->daemon->store;
	struct dv_error err = { "" };
	struct ledger *ledger;
	int r = 0;

	if (!secrets->is_read) {
		secrets->is_read = true;
		r = store_get(store, &ledger, &err);
		if (r == 0)
			r = store_note(store, secrets_log_list(ledger, &secrets->log, &err), &err);
	}
	if (r < 0) {
		answer_write_error(writer, PROTO_CODE_FAILED, "%s", err.text);
		return ANSWER_LAST;
	}
	if (secrets->at < secrets->log.n_rows) {
		write_row(&secrets->log.rows[secrets->at++], writer);
		return ANSWER_RECORD;
	}
	answer_write_done(writer, NULL, NULL);
	return ANSWER_LAST;
}

struct answer *secrets_handle(struct daemon *daemon, const struct request *request DV_UNUSED,
			      struct record_writer *reply)
{
	static const struct answer_ops OPS = { .next = secrets_next, .release = secrets_release };
	struct secrets_answer *secrets = answer_new(sizeof(*secrets), &OPS, daemon, NULL);

	return secrets ? &secrets->base : verbs_no_memory(reply);
}
