/* mirrors.c - the verb mirrors: the runs of each mirror that the ledger keeps, newest first. */
#include "daemon/verbs.h"
#include "ledger/mirrors_log.h"

struct mirrors_answer {
	struct answer base;
	bool is_read;
	struct mirrors_log log;
	size_t at;
};

static void mirrors_release(struct answer *answer)
{
	mirrors_log_done(&((struct mirrors_answer *)answer)->log);
}

static void write_row(const struct mirrors_log_row *row, struct record_writer *writer)
{
	record_begin(writer, proto_row_of(PROTO_ROW)->name);
	record_add(writer, "kind", "mirror");
	record_add(writer, "name", row->name);
	record_add_text(writer, "route", row->route);
	record_add(writer, "state", mirrors_log_word(row->state));
	record_add_int(writer, "started", row->started_usec);
	record_add_int(writer, "ended", row->ended_usec);
	record_add_int(writer, "checked", row->checked);
	record_add_int(writer, "copied", row->copied);
	record_add_int(writer, "deleted", row->deleted);
	record_add_int(writer, "errors", row->errors);
	record_add_int(writer, "bytes", row->bytes);
	record_add_text(writer, "error", row->text ? row->text : "");
}

static enum answer_next mirrors_next(struct answer *answer, struct record_writer *writer)
{
	struct mirrors_answer *mirrors = (struct mirrors_answer *)answer;
	struct store *store = &answer->daemon->store;
	struct dv_error err = { "" };
	struct ledger *ledger;
	int r = 0;

	if (!mirrors->is_read) {
		mirrors->is_read = true;
		r = store_get(store, &ledger, &err);
		if (r == 0)
			r = store_note(store, mirrors_log_list(ledger, &mirrors->log, &err), &err);
	}
	if (r < 0) {
		answer_write_error(writer, PROTO_CODE_FAILED, "%s", err.text);
		return ANSWER_LAST;
	}
	if (mirrors->at < mirrors->log.n_rows) {
		write_row(&mirrors->log.rows[mirrors->at++], writer);
		return ANSWER_RECORD;
	}
	answer_write_done(writer, NULL, NULL);
	return ANSWER_LAST;
}

struct answer *mirrors_handle(struct daemon *daemon, const struct request *request DV_UNUSED,
			      struct record_writer *reply)
{
	static const struct answer_ops OPS = { .next = mirrors_next, .release = mirrors_release };
	struct mirrors_answer *mirrors = answer_new(sizeof(*mirrors), &OPS, daemon, NULL);

	return mirrors ? &mirrors->base : verbs_no_memory(reply);
}
