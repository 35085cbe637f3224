/* test_error.c - one sentence, one line, whatever goes into it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static void failure_ends_with_the_errno(void **state DV_UNUSED)
{
	struct dv_error err = { 0 };

	assert_int_equal(dv_fail(&err, -ENOENT, "open %s", "/x"), -ENOENT);
	assert_string_equal(err.text, "open /x: No such file or directory");
}

static void refusal_is_the_sentence_alone(void **state DV_UNUSED)
{
	struct dv_error err = { 0 };

	assert_int_equal(dv_refuse(&err, -EINVAL, "%d is too much", 7), -EINVAL);
	assert_string_equal(err.text, "7 is too much");
}

static void layers_put_prefixes_in_front(void **state DV_UNUSED)
{
	struct dv_error err = { 0 };

	(void)dv_refuse(&err, -EINVAL, "inner");
	assert_int_equal(dv_prefix(&err, -EIO, "step %s", "token"), -EIO);
	assert_int_equal(dv_prefix(&err, -EIO, "emo"), -EIO);
	assert_string_equal(err.text, "emo: step token: inner");
}

static void words_are_optional(void **state DV_UNUSED)
{
	assert_int_equal(dv_fail(NULL, -ENOENT, "x"), -ENOENT);
	assert_int_equal(dv_refuse(NULL, -EINVAL, "x"), -EINVAL);
	assert_int_equal(dv_prefix(NULL, -EIO, "x"), -EIO);
}

static void newlines_and_controls_become_spaces(void **state DV_UNUSED)
{
	struct dv_error err = { 0 };

	(void)dv_refuse(&err, -EINVAL, "a\nb\r\033[31mc\x7f");
	assert_string_equal(err.text, "a b  [31mc ");
	(void)dv_refuse(&err, -EINVAL, "a\xc2\x9bm\u00fc");
	assert_string_equal(err.text, "a  m\u00fc");
	(void)dv_fail(&err, -EINVAL, "x\ny");
	assert_string_equal(err.text, "x y: Invalid argument");
	(void)dv_prefix(&err, -EINVAL, "p\n");
	assert_string_equal(err.text, "p : x y: Invalid argument");
}

static void long_text_is_cut_and_the_errno_stays(void **state DV_UNUSED)
{
	char text[2 * ERROR_MAX_BYTES];
	struct dv_error err = { 0 };

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	(void)dv_refuse(&err, -EINVAL, "%s", text);
	assert_int_equal(strlen(err.text), ERROR_MAX_BYTES - 1);
	(void)dv_fail(&err, -ENOENT, "%s", text);
	assert_non_null(strstr(err.text, "aaa: No such file or directory"));
	(void)dv_prefix(&err, -ENOENT, "%s", text);
	assert_non_null(strstr(err.text, "aaa: aaa"));
	assert_true(strlen(err.text) < ERROR_MAX_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failure_ends_with_the_errno),
		cmocka_unit_test(refusal_is_the_sentence_alone),
		cmocka_unit_test(layers_put_prefixes_in_front),
		cmocka_unit_test(words_are_optional),
		cmocka_unit_test(newlines_and_controls_become_spaces),
		cmocka_unit_test(long_text_is_cut_and_the_errno_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
