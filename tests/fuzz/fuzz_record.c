/* fuzz_record.c - any bytes as a packet and as a ticket: refused in one line, or read in
 * a way that can be written again. Corpus: corpus/record. */
#include <stdint.h>
#include <string.h>

#include "base/str.h"
#include "wire/proto.h"
#include "wire/ticket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

static void insist(bool holds)
{
	if (!holds)
		abort();
}

/* What was read can be written, and is the same when read again. */
static void check_round_trip(const struct record *record)
{
	static struct record_writer writer;
	static struct record again;

	record_begin(&writer, record->verb);
	for (size_t i = 0; i < record->n_fields; i++)
		record_add(&writer, record->fields[i].key, record->fields[i].value);
	/* Without its last newline a record of the largest size is one byte too long now. */
	if (record_finish(&writer) == -EMSGSIZE)
		return;
	insist(record_finish(&writer) == 0);
	insist(record_parse(&again, writer.buffer, writer.n_bytes, NULL) == 0);
	insist(strcmp(again.verb, record->verb) == 0);
	insist(again.n_fields == record->n_fields);
	for (size_t i = 0; i < record->n_fields; i++)
		insist(strcmp(again.fields[i].value, record->fields[i].value) == 0);
}

static void check_against_table(const struct record *record)
{
	for (enum proto_direction direction = PROTO_REQUEST; direction <= PROTO_ANSWER;
	     direction++) {
		const struct proto_row *row = NULL;
		struct dv_error err = { 0 };
		int r = proto_check(record, direction, &row, &err);

		insist((r == 0) == (row != NULL));
		insist(r == 0 || *err.text);
		for (size_t i = 0; row && i < PROTO_MAX_KEYS && row->keys[i].name; i++)
			insist(!row->keys[i].required || record_get(record, row->keys[i].name));
	}
}

static void check_text(const char *text)
{
	static struct record_writer writer;

	record_begin(&writer, "row");
	record_add_text(&writer, "text", text); /* any text at all is made to fit */
	insist(record_finish(&writer) == 0);
}

static void check_ticket(char *text)
{
	struct ticket ticket;
	struct dv_error err = { 0 };
	int r = ticket_parse(&ticket, text, &err);

	insist(r == 0 || *err.text);
	insist(ticket.n_lines <= TICKET_MAX_LINES);
	for (size_t i = 0; r == 0 && i < ticket.n_lines; i++) {
		const char *equals = strchr(ticket.lines[i], '=');
		DV_AUTO_FREE char *name = NULL;

		insist(equals);
		name = strndup(ticket.lines[i], (size_t)(equals - ticket.lines[i]));
		insist(name && ticket_accepts(name, equals + 1));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
	static struct record record;
	struct dv_error err = { 0 };
	DV_AUTO_FREE char *text = strndup((const char *)data, n_bytes);

	insist(text);
	if (record_parse(&record, data, n_bytes, &err) == 0) {
		check_round_trip(&record);
		check_against_table(&record);
	} else {
		insist(*err.text && !str_has_control(err.text));
	}
	check_text(text);
	check_ticket(text);
	return 0;
}
