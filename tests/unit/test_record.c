/* test_record.c - the codec of the wire: what is a record, and that nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/record.h"

static void assert_parses(struct record *record, const char *text)
{
	struct dv_error err = { 0 };
	int r = record_parse(record, text, strlen(text), &err);

	assert_string_equal(err.text, "");
	assert_int_equal(r, 0);
}

static void assert_refused_bytes(const void *bytes, size_t n_bytes, const char *sentence)
{
	struct record record;
	struct dv_error err = { 0 };

	assert_int_equal(record_parse(&record, bytes, n_bytes, &err), -EBADMSG);
	assert_string_equal(err.text, sentence);
}

static void assert_refused(const char *text, const char *sentence)
{
	assert_refused_bytes(text, strlen(text), sentence);
}

static void verb_and_fields_are_read(void **state DV_UNUSED)
{
	struct record record;

	assert_parses(&record,
		      "open-session\nv=1\nuser=emo\nempty=\nsum=a=b=c\ntext=gr\u00fc\u00dfe");
	assert_string_equal(record.verb, "open-session");
	assert_int_equal(record.n_fields, 5);
	assert_string_equal(record_get(&record, "v"), "1");
	assert_string_equal(record_get(&record, "user"), "emo");
	assert_string_equal(record_get(&record, "empty"), "");
	assert_string_equal(record_get(&record, "sum"), "a=b=c");
	assert_string_equal(record_get(&record, "text"), "gr\u00fc\u00dfe");
	assert_null(record_get(&record, "use"));
}

static void last_newline_is_optional(void **state DV_UNUSED)
{
	struct record record;

	assert_parses(&record, "done");
	assert_int_equal(record.n_fields, 0);
	assert_parses(&record, "done\n");
	assert_int_equal(record.n_fields, 0);
	assert_parses(&record, "done\na=1\n");
	assert_int_equal(record.n_fields, 1);
}

static void what_is_no_record_is_told(void **state DV_UNUSED)
{
	assert_refused("", "the record is empty");
	assert_refused("\n", "the first line is no verb");
	assert_refused("\ndone", "the first line is no verb");
	assert_refused("Done", "the first line is no verb");
	assert_refused("a b", "the first line is no verb");
	assert_refused("1a", "the first line is no verb");
	assert_refused("a2345678901234567890123456789012x", "the first line is no verb");
	assert_refused("done\r\n", "the first line is no verb");
	assert_refused("done\nx\n", "line 2 has no '='");
	assert_refused("done\na=1\n\nb=2\n", "line 3 has no '='");
	assert_refused("done\na=1\n\n", "line 3 has no '='");
	assert_refused("done\n=1\n", "line 2 has no valid key");
	assert_refused("done\nA=1\n", "line 2 has no valid key");
	assert_refused("done\n a=1\n", "line 2 has no valid key");
	assert_refused("done\na=1\na=2\n", "key a is there twice");
	assert_refused("done\na=1\r\n", "the value of a has a control character");
	assert_refused("done\na=\t\n", "the value of a has a control character");
	assert_refused("done\na=\033[31m\n", "the value of a has a control character");
	assert_refused("done\na=\x7f\n", "the value of a has a control character");
	assert_refused("done\na=\xff\n", "the record is not UTF-8");
	assert_refused("done\na=\xc3\n", "the record is not UTF-8");
	assert_refused_bytes("done\na=1\0b", 10, "the record has a NUL byte");
	assert_refused_bytes("done\0", 5, "the record has a NUL byte");
}

/* U+009B steers a terminal as well as ESC [ does, in UTF-8 too. */
static void c1_control_characters_are_refused(void **state DV_UNUSED)
{
	struct record record;

	assert_refused("done\na=\xc2\x9b"
		       "31m\n",
		       "the value of a has a control character");
	assert_refused("done\na=\xc2\x80\n", "the value of a has a control character");
	assert_parses(&record, "done\na=\xc2\xa0\xe2\x82\x9b\n"); /* U+00A0, U+209B are none */
}

static void limits_are_exact(void **state DV_UNUSED)
{
	char text[RECORD_MAX_BYTES + 1];
	struct record record;
	size_t n;

	memset(text, 'a', sizeof(text));
	memcpy(text, "done\nk=", 7);
	assert_int_equal(record_parse(&record, text, RECORD_MAX_BYTES, NULL), 0);
	assert_int_equal(strlen(record_get(&record, "k")), RECORD_MAX_BYTES - 7);
	assert_refused_bytes(text, RECORD_MAX_BYTES + 1, "the record is longer than 8192 bytes");

	n = (size_t)snprintf(text, sizeof(text), "done");
	for (int i = 0; i < RECORD_MAX_FIELDS; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "\nk%d=", i);
	assert_int_equal(record_parse(&record, text, n, NULL), 0);
	n += (size_t)snprintf(text + n, sizeof(text) - n, "\nmore=");
	assert_refused_bytes(text, n, "more than 32 fields");
}

static void packet_may_lie_in_the_records_own_buffer(void **state DV_UNUSED)
{
	struct record record;

	memcpy(record.buffer, "done\na=1", 8);
	assert_int_equal(record_parse(&record, record.buffer, 8, NULL), 0);
	assert_string_equal(record_get(&record, "a"), "1");
}

/* ---- writing -------------------------------------------------------------------------- */

static void assert_written(const struct record_writer *writer, const char *expected)
{
	assert_int_equal(record_finish(writer), 0);
	assert_int_equal(writer->n_bytes, strlen(expected));
	assert_memory_equal(writer->buffer, expected, writer->n_bytes);
}

static void what_is_written_is_what_is_read(void **state DV_UNUSED)
{
	struct record_writer writer;
	struct record record;

	record_begin(&writer, "row");
	record_add(&writer, "user", "emo");
	record_add(&writer, "absent", NULL);
	record_add_int(&writer, "n", -42);
	record_add_int(&writer, "least", INT64_MIN);
	record_add_text(&writer, "text", "two\nlines");
	record_add_text(&writer, "none", NULL);
	assert_written(&writer, "row\nuser=emo\nn=-42\nleast=-9223372036854775808\n"
				"text=two?lines\n");
	assert_int_equal(record_parse(&record, writer.buffer, writer.n_bytes, NULL), 0);
	assert_int_equal(record.n_fields, 4);
}

static void writer_starts_over(void **state DV_UNUSED)
{
	struct record_writer writer;

	record_begin(&writer, "Bad");
	assert_int_equal(record_finish(&writer), -EINVAL);
	record_begin(&writer, "good");
	assert_written(&writer, "good\n");
}

static void bad_keys_and_values_stick(void **state DV_UNUSED)
{
	static const struct {
		const char *key, *value;
	} rows[] = {
		{ "Key", "x" },	 { "", "x" },	  { "k", "a\nb" },
		{ "k", "\xff" }, { "k", "\033" }, { "k=", "x" },
		{ "k\n", "x" },	 { "k", "\x7f" }, { "k", "\xc2\x9b" },
	};

	for (size_t i = 0; i < DV_COUNT(rows); i++) {
		struct record_writer writer;

		record_begin(&writer, "row");
		record_add(&writer, rows[i].key, rows[i].value);
		record_add(&writer, "good", "x");
		assert_int_equal(record_finish(&writer), -EINVAL);
	}
}

static void too_much_is_told_and_never_cut(void **state DV_UNUSED)
{
	char value[RECORD_MAX_BYTES];
	struct record_writer writer;

	memset(value, 'a', sizeof(value));
	value[RECORD_MAX_BYTES - 7] = '\0';
	record_begin(&writer, "row");
	record_add(&writer, "k", value); /* "row\nk=" + it + "\n" is just the limit */
	assert_int_equal(record_finish(&writer), 0);
	assert_int_equal(writer.n_bytes, RECORD_MAX_BYTES);
	record_add(&writer, "x", "");
	assert_int_equal(record_finish(&writer), -EMSGSIZE);
}

static void assert_text(const char *text, const char *expected)
{
	struct record_writer writer;
	struct record record;

	record_begin(&writer, "row");
	record_add_text(&writer, "text", text);
	assert_int_equal(record_finish(&writer), 0);
	assert_int_equal(record_parse(&record, writer.buffer, writer.n_bytes, NULL), 0);
	assert_string_equal(record_get(&record, "text"), expected);
}

static void text_is_made_to_fit(void **state DV_UNUSED)
{
	assert_text("", "");
	assert_text("gr\u00fc\u00dfe", "gr\u00fc\u00dfe");
	assert_text("\033[31m\ta\x7f\r\n", "?[31m?a???");
	assert_text("\xc2\x9b"
		    "31m \u00fc",
		    "??31m \u00fc");
	assert_text("\u00fc \xff", "?? ?"); /* broken: what is not ASCII goes */
}

/* A cut in the midst of a character would make the whole text "broken". */
static void long_text_is_cut_between_characters(void **state DV_UNUSED)
{
	static const char *const characters[] = { "a", "\u00fc", "\u20ac", "\U0001f600" };

	for (size_t i = 0; i < DV_COUNT(characters); i++) {
		size_t n_character = strlen(characters[i]);

		for (size_t n_before = 0; n_before < 4; n_before++) {
			char text[2 * RECORD_TEXT_MAX] = "";
			char expected[2 * RECORD_TEXT_MAX] = "";
			size_t n = n_before;

			memset(text, '.', n_before);
			while (n + n_character < sizeof(text)) {
				memcpy(text + n, characters[i], n_character);
				n += n_character;
			}
			n = n_before + (RECORD_TEXT_MAX - n_before) / n_character * n_character;
			memcpy(expected, text, n);
			assert_text(text, expected);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verb_and_fields_are_read),
		cmocka_unit_test(last_newline_is_optional),
		cmocka_unit_test(what_is_no_record_is_told),
		cmocka_unit_test(c1_control_characters_are_refused),
		cmocka_unit_test(limits_are_exact),
		cmocka_unit_test(packet_may_lie_in_the_records_own_buffer),
		cmocka_unit_test(what_is_written_is_what_is_read),
		cmocka_unit_test(writer_starts_over),
		cmocka_unit_test(bad_keys_and_values_stick),
		cmocka_unit_test(too_much_is_told_and_never_cut),
		cmocka_unit_test(text_is_made_to_fit),
		cmocka_unit_test(long_text_is_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
