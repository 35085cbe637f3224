/* test_gate_result.c - a result comes through as it was, and nothing that is none is taken for one. */
#include "scratch.h"

#include "gate/result.h"

static void it_comes_through(void **state DV_UNUSED)
{
	struct gate_result result = { .start_ms = 1,
				      .total_ms = 2,
				      .memory_kib = 3,
				      .from = 30,
				      .to = 32,
				      .n_left = UINT32_MAX };
	struct gate_result got = { 0 };
	struct dv_error err = { "" };

	for (enum gate_check check = GATE_CHECK_NONE; check < GATE_N_CHECKS; check++) {
		DV_AUTO_FREE char *text = NULL;

		gate_result_say(&result, check == GATE_CHECK_NONE ? GATE_PASSED : GATE_FAILED,
				check, "a \"sentence\"");
		text = gate_result_format(&result);
		assert_non_null(text);
		assert_int_equal(gate_result_parse(text, strlen(text), &got, &err), 0);
		assert_memory_equal(&got, &result, offsetof(struct gate_result, text));
		assert_string_equal(got.text, "a \"sentence\"");
		assert_int_equal(got.start_ms, 1);
		assert_int_equal(got.total_ms, 2);
		assert_int_equal(got.memory_kib, 3);
		assert_int_equal(got.from, 30);
		assert_int_equal(got.to, 32);
		assert_int_equal(got.n_left, UINT32_MAX);
	}
}

#define REST ",\"start_ms\":1,\"total_ms\":1,\"memory_kib\":1,\"from\":1,\"to\":1,\"left\":0}"

static void what_is_none_is_refused(void **state DV_UNUSED)
{
	static const char *const texts[] = {
		"",
		"passed",
		"[]",
		"{}",
		"{\"outcome\":\"passed\"" REST,
		"{\"outcome\":\"good\",\"check\":\"none\",\"text\":\"\"" REST,
		"{\"outcome\":\"unset\",\"check\":\"none\",\"text\":\"\"" REST,
		"{\"outcome\":\"failed\",\"check\":\"all\",\"text\":\"\"" REST,
		/* contradicts itself */
		"{\"outcome\":\"passed\",\"check\":\"pair\",\"text\":\"\"" REST,
		"{\"outcome\":\"failed\",\"check\":\"none\",\"text\":\"\"" REST,
		/* twice, and something behind it */
		"{\"outcome\":\"failed\",\"outcome\":\"passed\",\"check\":\"none\",\"text\":"
		"\"\"" REST,
		"{\"outcome\":\"passed\",\"check\":\"none\",\"text\":\"\"" REST "{}",
		/* numbers */
		"{\"outcome\":\"passed\",\"check\":\"none\",\"text\":\"\"}",
		"{\"outcome\":\"passed\",\"check\":\"none\",\"text\":\"\",\"start_ms\":-1,"
		"\"total_ms\":1,\"memory_kib\":1,\"from\":1,\"to\":1,\"left\":0}",
		"{\"outcome\":\"passed\",\"check\":\"none\",\"text\":\"\",\"start_ms\":4294967296,"
		"\"total_ms\":1,\"memory_kib\":1,\"from\":1,\"to\":1,\"left\":0}",
		"{\"outcome\":\"passed\",\"check\":\"none\",\"text\":\"\",\"start_ms\":\"1\","
		"\"total_ms\":1,\"memory_kib\":1,\"from\":1,\"to\":1,\"left\":0}",
	};

	for (size_t i = 0; i < DV_COUNT(texts); i++) {
		struct gate_result result = { .from = 77 };
		struct dv_error err = { "" };

		if (gate_result_parse(texts[i], strlen(texts[i]), &result, &err) != -EBADMSG)
			fail_msg("taken: %s", texts[i]);
		assert_string_not_equal(err.text, "");
		assert_int_equal(result.from, 77);
	}
}

static void one_that_is_too_long_is_refused(void **state DV_UNUSED)
{
	static const char good[] = "{\"outcome\":\"passed\",\"check\":\"none\",\"text\":\"\"" REST;
	struct gate_result result = { 0 };
	struct dv_error err = { "" };
	char text[GATE_RESULT_MAX + 2];

	memset(text, ' ', sizeof(text));
	memcpy(text, good, strlen(good));
	assert_int_equal(gate_result_parse(text, GATE_RESULT_MAX, &result, &err), 0);
	assert_int_equal(gate_result_parse(text, GATE_RESULT_MAX + 1, &result, &err), -EBADMSG);
}

static void a_sentence_is_printable_and_short(void **state DV_UNUSED)
{
	struct gate_result result = { 0 };
	char text[1024];

	gate_result_say(&result, GATE_FAILED, GATE_CHECK_START, "a\033[31m\nb\x9b \xc3\xa4");
	assert_string_equal(result.text, "a?[31m?b? ??");
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	gate_result_say(&result, GATE_FAILED, GATE_CHECK_START, text);
	assert_int_equal(strlen(result.text), GATE_TEXT_BYTES - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_comes_through),
		cmocka_unit_test(what_is_none_is_refused),
		cmocka_unit_test(one_that_is_too_long_is_refused),
		cmocka_unit_test(a_sentence_is_printable_and_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
