/* test_proto.c - the verb table holds together, and lets through only what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/proto.h"

static size_t count_keys(const struct proto_row *row)
{
	size_t n = 0;

	while (n < PROTO_MAX_KEYS && row->keys[n].name)
		n++;
	return n;
}

/* A record with every key of the row but `left_out` (may be NULL), and `extra`. */
static void write_record(struct record *record, const struct proto_row *row, const char *left_out,
			 const char *extra)
{
	struct record_writer writer;

	record_begin(&writer, row->name);
	for (size_t i = 0; i < count_keys(row); i++) {
		const char *key = row->keys[i].name;

		if (!left_out || strcmp(key, left_out) != 0)
			record_add(&writer, key, strcmp(key, "v") == 0 ? PROTO_VERSION : "x");
	}
	if (extra)
		record_add(&writer, extra, "x");
	assert_int_equal(record_finish(&writer), 0);
	assert_int_equal(record_parse(record, writer.buffer, writer.n_bytes, NULL), 0);
}

static void assert_refused(const struct record *record, enum proto_direction direction, int r,
			   const char *sentence)
{
	const struct proto_row *row = NULL;
	struct dv_error err = { 0 };

	assert_int_equal(proto_check(record, direction, &row, &err), r);
	assert_string_equal(err.text, sentence);
	assert_null(row);
}

static void table_is_indexed_by_its_verbs(void **state DV_UNUSED)
{
	for (enum proto_verb verb = 0; verb < PROTO_N_VERBS; verb++) {
		const struct proto_row *row = proto_row_of(verb);

		assert_int_equal(row->verb, verb);
		assert_non_null(row->name);
		for (enum proto_verb other = 0; other < verb; other++)
			assert_string_not_equal(row->name, proto_row_of(other)->name);
	}
}

static void requests_have_a_version_a_socket_and_a_role(void **state DV_UNUSED)
{
	for (enum proto_verb verb = 0; verb < PROTO_N_VERBS; verb++) {
		const struct proto_row *row = proto_row_of(verb);
		bool is_request = row->direction == PROTO_REQUEST;

		assert_int_equal(row->sockets != 0, is_request);
		assert_int_equal(row->roles != 0, is_request);
		if (is_request) {
			assert_string_equal(row->keys[0].name, "v");
			assert_true(row->keys[0].required);
			assert_true(row->roles & PROTO_ROLE_ROOT);
			assert_false(row->roles & PROTO_ROLE_OTHER);
		}
	}
}

/* Nobody but root may stand in the queue in front of a login. */
static void pam_socket_is_for_root_and_open_session(void **state DV_UNUSED)
{
	for (enum proto_verb verb = 0; verb < PROTO_N_VERBS; verb++) {
		const struct proto_row *row = proto_row_of(verb);

		if (!(row->sockets & PROTO_SOCKET_PAM))
			continue;
		assert_int_equal(verb, PROTO_OPEN_SESSION);
		assert_int_equal(row->sockets, PROTO_SOCKET_PAM);
		assert_int_equal(row->roles, PROTO_ROLE_ROOT);
	}
}

static void records_with_all_keys_pass(void **state DV_UNUSED)
{
	for (enum proto_verb verb = 0; verb < PROTO_N_VERBS; verb++) {
		const struct proto_row *row = proto_row_of(verb), *found = NULL;
		struct record record;
		struct dv_error err = { 0 };

		write_record(&record, row, NULL, NULL);
		assert_int_equal(proto_check(&record, row->direction, &found, &err), 0);
		assert_ptr_equal(found, row);
	}
}

static void only_required_keys_are_missed(void **state DV_UNUSED)
{
	for (enum proto_verb verb = 0; verb < PROTO_N_VERBS; verb++) {
		const struct proto_row *row = proto_row_of(verb), *found = NULL;

		for (size_t i = 0; i < count_keys(row); i++) {
			struct record record;
			char sentence[128];

			write_record(&record, row, row->keys[i].name, NULL);
			if (!row->keys[i].required) {
				assert_int_equal(proto_check(&record, row->direction, &found, NULL),
						 0);
				continue;
			}
			(void)snprintf(sentence, sizeof(sentence), "%s needs the key %s", row->name,
				       row->keys[i].name);
			assert_refused(&record, row->direction, -EBADMSG, sentence);
		}
	}
}

static void unknown_keys_are_refused_but_in_rows(void **state DV_UNUSED)
{
	for (enum proto_verb verb = 0; verb < PROTO_N_VERBS; verb++) {
		const struct proto_row *row = proto_row_of(verb), *found = NULL;
		struct record record;
		char sentence[128];

		write_record(&record, row, NULL, "strange");
		if (verb == PROTO_ROW) {
			assert_int_equal(proto_check(&record, row->direction, &found, NULL), 0);
			continue;
		}
		(void)snprintf(sentence, sizeof(sentence), "%s does not take the key strange",
			       row->name);
		assert_refused(&record, row->direction, -EBADMSG, sentence);
	}
}

static void verbs_go_one_way(void **state DV_UNUSED)
{
	for (enum proto_verb verb = 0; verb < PROTO_N_VERBS; verb++) {
		const struct proto_row *row = proto_row_of(verb);
		struct record record;
		char sentence[128];

		write_record(&record, row, NULL, NULL);
		(void)snprintf(sentence, sizeof(sentence), "unknown verb %s", row->name);
		assert_refused(&record,
			       row->direction == PROTO_REQUEST ? PROTO_ANSWER : PROTO_REQUEST,
			       -EBADMSG, sentence);
	}
}

static void assert_text_refused(const char *text, int r, const char *sentence)
{
	struct record record;

	assert_int_equal(record_parse(&record, text, strlen(text), NULL), 0);
	assert_refused(&record, PROTO_REQUEST, r, sentence);
}

static void other_versions_are_named_before_anything_else(void **state DV_UNUSED)
{
	assert_text_refused("status\nv=2\n", -EPROTONOSUPPORT,
			    "protocol version 2 was asked for; this side speaks 1");
	assert_text_refused("a-verb-of-tomorrow\nv=2\nkey=x\n", -EPROTONOSUPPORT,
			    "protocol version 2 was asked for; this side speaks 1");
	assert_text_refused("status\nv=\n", -EPROTONOSUPPORT,
			    "protocol version  was asked for; this side speaks 1");
	assert_text_refused("status\n", -EBADMSG, "status needs the key v");
	assert_text_refused("nonsense\nv=1\n", -EBADMSG, "unknown verb nonsense");
}

static void request_begins_with_verb_and_version(void **state DV_UNUSED)
{
	struct record_writer writer;

	proto_begin_request(&writer, PROTO_STATUS);
	assert_int_equal(record_finish(&writer), 0);
	assert_int_equal(writer.n_bytes, strlen("status\nv=1\n"));
	assert_memory_equal(writer.buffer, "status\nv=1\n", writer.n_bytes);
}

static void a_plans_lines_have_signs_and_others_none(void **state DV_UNUSED)
{
	assert_int_equal(proto_plan_sign("add"), '+');
	assert_int_equal(proto_plan_sign("change"), '~');
	assert_int_equal(proto_plan_sign("remove"), '-');
	assert_int_equal(proto_plan_sign("trouble"), '!');
	assert_int_equal(proto_plan_sign("failed"), '\0');
	assert_int_equal(proto_plan_sign(""), '\0');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_indexed_by_its_verbs),
		cmocka_unit_test(requests_have_a_version_a_socket_and_a_role),
		cmocka_unit_test(pam_socket_is_for_root_and_open_session),
		cmocka_unit_test(records_with_all_keys_pass),
		cmocka_unit_test(only_required_keys_are_missed),
		cmocka_unit_test(unknown_keys_are_refused_but_in_rows),
		cmocka_unit_test(verbs_go_one_way),
		cmocka_unit_test(other_versions_are_named_before_anything_else),
		cmocka_unit_test(request_begins_with_verb_and_version),
		cmocka_unit_test(a_plans_lines_have_signs_and_others_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
