/* test_credential.c - what t3 may print where a credential is expected. */
#include "scratch.h"

#include "t3/credential.h"

static void what_both_versions_print_is_taken(void **state DV_UNUSED)
{
	static const char *const texts[] = {
		"{\"id\":\"a\",\"credential\":\"C-1\",\"role\":\"client\",\"expiresAt\":\"2026-01-"
		"01T00:00:00Z\"}",
		"{\"id\":\"a\",\"credential\":\"C-1\",\"scopes\":[\"client\"],"
		"\"expiresAt\":\"2026-01-01T00:00:00Z\"}\n",
		"(node:7) Warning: words before it\n{\"credential\":\"C-1\",\"expiresAt\":"
		"\"2026-01-01T00:00:00Z\"}\nwords behind it\n",
		"(node:7) Warning: import {x} is "
		"old\n{\"level\":\"warn\"}\n{\"credential\":\"C-1\","
		"\"expiresAt\":\"2026-01-01T00:00:00Z\"}\n",
	};

	for (size_t i = 0; i < DV_COUNT(texts); i++) {
		struct t3_credential credential = { 0 };
		struct dv_error err = { "" };

		if (t3_parse_credential(texts[i], &credential, &err) < 0)
			fail_msg("%s: %s", texts[i], err.text);
		assert_string_equal(credential.text, "C-1");
		assert_string_equal(credential.expires, "2026-01-01T00:00:00Z");
	}
}

static void without_a_time_it_is_taken_too(void **state DV_UNUSED)
{
	struct t3_credential credential = { 0 };
	struct dv_error err = { "" };

	assert_int_equal(t3_parse_credential("{\"credential\":\"x\"}", &credential, &err), 0);
	assert_string_equal(credential.expires, "");
}

static void anything_else_is_told_without_being_quoted(void **state DV_UNUSED)
{
	static const char *const texts[] = {
		"SENTINEL",
		"{\"credential\":7}",
		"{\"credential\":\"\"}",
		"{\"SENTINEL\":",
		"[\"SENTINEL\"]",
		"{\"credential\":\"SENTINEL\\n\"}",
		"{}",
	};
	struct t3_credential credential = { 0 };
	struct dv_error err = { "" };

	for (size_t i = 0; i < DV_COUNT(texts); i++) {
		assert_int_equal(t3_parse_credential(texts[i], &credential, &err), -EBADMSG);
		assert_string_equal(err.text, "t3 printed no credential");
	}
	assert_int_equal(t3_parse_credential("", &credential, &err), -EBADMSG);
	assert_string_equal(err.text, "t3 printed nothing: its node may be older than it takes "
				      "(devvmctl doctor)");
}

static void one_that_is_too_long_is_refused(void **state DV_UNUSED)
{
	struct t3_credential credential = { 0 };
	struct dv_error err = { "" };
	char text[700] = "{\"credential\":\"";

	memset(text + strlen(text), 'x', 600);
	(void)strcat(text, "\"}");
	assert_int_equal(t3_parse_credential(text, &credential, &err), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_both_versions_print_is_taken),
		cmocka_unit_test(without_a_time_it_is_taken_too),
		cmocka_unit_test(anything_else_is_told_without_being_quoted),
		cmocka_unit_test(one_that_is_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
