/* test_str.c - lists, names, UTF-8, numbers, and text made safe to show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

static void list_keeps_order_and_copies(void **state DV_UNUSED)
{
	DV_AUTO_STR_LIST struct str_list list = { 0 };
	DV_AUTO_FREE char *joined = NULL;
	char word[] = "one";

	assert_int_equal(str_list_add(&list, word), 0);
	word[0] = 'X';
	assert_int_equal(str_list_add(&list, ""), 0);
	assert_int_equal(str_list_add(&list, "two"), 0);
	joined = str_list_join(&list, ", ");
	assert_string_equal(joined, "one, , two");
	assert_true(str_list_has(&list, "two"));
	assert_true(str_list_has(&list, ""));
	assert_false(str_list_has(&list, "tw"));
	str_list_sort(&list);
	assert_string_equal(list.items[0], "");
	assert_true(str_list_has_sorted(&list, "two"));
	assert_true(str_list_has_sorted(&list, ""));
	assert_false(str_list_has_sorted(&list, "tw"));
}

static void empty_list_joins_to_nothing(void **state DV_UNUSED)
{
	struct str_list list = { 0 };
	DV_AUTO_FREE char *joined = str_list_join(&list, ", ");

	assert_string_equal(joined, "");
	assert_false(str_list_has(&list, ""));
	str_list_sort(&list);
	assert_false(str_list_has_sorted(&list, ""));
	str_list_done(&list); /* of nothing, twice */
	str_list_done(&list);
}

static void lines_are_added_without_empty_ones(void **state DV_UNUSED)
{
	DV_AUTO_STR_LIST struct str_list list = { 0 };
	DV_AUTO_FREE char *joined = NULL;

	assert_int_equal(str_list_add_lines(&list, "\na\n\nb c\nlast"), 0);
	assert_int_equal(str_list_add_lines(&list, ""), 0);
	joined = str_list_join(&list, "|");
	assert_string_equal(joined, "a|b c|last");
}

static void user_names(void **state DV_UNUSED)
{
	static const char *const good[] = {
		"a", "_", "_apt", "emil.b", "a-b", "u1", "a2345678901234567890123456789012"
	};
	static const char *const bad[] = { "",
					   "-a",
					   ".a",
					   "1a",
					   "42",
					   "A",
					   "a b",
					   "a/b",
					   "a\n",
					   "\u00fc",
					   "a@b",
					   "a=b",
					   "a23456789012345678901234567890123" };

	for (size_t i = 0; i < DV_COUNT(good); i++) {
		if (!str_is_user_name(good[i]))
			fail_msg("\"%s\" was refused", good[i]);
	}
	for (size_t i = 0; i < DV_COUNT(bad); i++) {
		if (str_is_user_name(bad[i]))
			fail_msg("\"%s\" was taken", bad[i]);
	}
}

/* The rows of RFC 3629, section 4, at both of their ends. */
static void utf8_is_that_of_the_rfc(void **state DV_UNUSED)
{
	static const char *const good[] = {
		"",
		"ascii",
		"\x7f",
		"\xc2\x80",
		"\xdf\xbf",
		"\xe0\xa0\x80",
		"\xed\x9f\xbf",
		"\xee\x80\x80",
		"\xef\xbf\xbf",
		"\xf0\x90\x80\x80",
		"\xf4\x8f\xbf\xbf",
	};
	static const char *const bad[] = {
		"\x80",
		"\xbf",
		"\xc0\x80",
		"\xc1\xbf",
		"\xc2",
		"\xc2\x20",
		"\xe0\x9f\xbf",
		"\xed\xa0\x80",
		"\xe2\x82",
		"\xe2\x28\xa1",
		"\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80",
		"\xff",
		"a\xfe",
		"\xf0\x90\x80",
		"\xc2\x80\x80",
	};

	for (size_t i = 0; i < DV_COUNT(good); i++) {
		if (!str_is_utf8(good[i], strlen(good[i])))
			fail_msg("good row %zu was refused", i);
	}
	for (size_t i = 0; i < DV_COUNT(bad); i++) {
		if (str_is_utf8(bad[i], strlen(bad[i])))
			fail_msg("bad row %zu was taken", i);
	}
	assert_true(str_is_utf8("a\0b", 3)); /* a NUL is a character */
}

static void numbers_are_digits_within_the_limit(void **state DV_UNUSED)
{
	static const struct {
		const char *text;
		uint64_t max;
		int r;
		uint64_t value;
	} rows[] = {
		{ "0", 0, 0, 0 },
		{ "7", 7, 0, 7 },
		{ "8", 7, -EINVAL, 0 },
		{ "007", 7, 0, 7 },
		{ "65535", 65535, 0, 65535 },
		{ "65536", 65535, -EINVAL, 0 },
		{ "18446744073709551615", UINT64_MAX, 0, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, -EINVAL, 0 },
		{ "99999999999999999999999", UINT64_MAX, -EINVAL, 0 },
		{ "", 9, -EINVAL, 0 },
		{ "-1", 9, -EINVAL, 0 },
		{ "+1", 9, -EINVAL, 0 },
		{ " 1", 9, -EINVAL, 0 },
		{ "1 ", 9, -EINVAL, 0 },
		{ "1x", 9, -EINVAL, 0 },
		{ "0x1", 9, -EINVAL, 0 },
	};

	for (size_t i = 0; i < DV_COUNT(rows); i++) {
		uint64_t value = 4711;
		int r = str_to_uint(rows[i].text, rows[i].max, &value);

		if (r != rows[i].r || value != (r == 0 ? rows[i].value : 4711))
			fail_msg("\"%s\": %d, %llu", rows[i].text, r, (unsigned long long)value);
	}
}

static void assert_shown(const char *text, const char *expected)
{
	char shown[STR_SHOW_BYTES];

	assert_ptr_equal(str_show(text, shown), shown);
	assert_string_equal(shown, expected);
}

static void shown_text_is_one_plain_line(void **state DV_UNUSED)
{
	assert_shown("", "");
	assert_shown("plain text, 1.", "plain text, 1.");
	assert_shown("a\nb\tc\\n", "a\\nb\\tc\\\\n");
	assert_shown("\033[31m\x7f", "\\x1b[31m\\x7f");
	assert_shown("gr\u00fc", "gr\\xc3\\xbc");
}

static void shown_text_is_cut_before_it_overflows(void **state DV_UNUSED)
{
	char text[512], shown[STR_SHOW_BYTES];

	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		memset(text, 'a', n);
		text[n] = '\0';
		assert_true(strlen(str_show(text, shown)) < STR_SHOW_BYTES);
		assert_true(strcmp(shown, text) == 0 || strstr(shown, "a..."));
		memset(text, '\n', n);
		assert_true(strlen(str_show(text, shown)) < STR_SHOW_BYTES);
		memset(text, 0xff, n);
		assert_true(strlen(str_show(text, shown)) < STR_SHOW_BYTES);
	}
}

static void control_characters_are_c0_del_and_c1(void **state DV_UNUSED)
{
	static const char *const with[] = { "\n", "a\tb", "\033", "\x7f", "\xc2\x80", "a\xc2\x9f" };
	static const char *const without[] = { "", "a b", "\xc2\xa0", "\u00fc", "\u209b", "\xc2" };

	for (size_t i = 0; i < DV_COUNT(with); i++)
		assert_true(str_has_control(with[i]));
	for (size_t i = 0; i < DV_COUNT(without); i++)
		assert_false(str_has_control(without[i]));
}

static void comparisons(void **state DV_UNUSED)
{
	assert_true(str_starts_with("abc", "ab"));
	assert_true(str_starts_with("abc", ""));
	assert_false(str_starts_with("a", "ab"));
	assert_true(str_equal("a", "a"));
	assert_false(str_equal("a", "b"));
	assert_true(str_equal(NULL, NULL));
	assert_false(str_equal(NULL, ""));
	assert_false(str_equal("", NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(list_keeps_order_and_copies),
		cmocka_unit_test(empty_list_joins_to_nothing),
		cmocka_unit_test(lines_are_added_without_empty_ones),
		cmocka_unit_test(user_names),
		cmocka_unit_test(utf8_is_that_of_the_rfc),
		cmocka_unit_test(numbers_are_digits_within_the_limit),
		cmocka_unit_test(shown_text_is_one_plain_line),
		cmocka_unit_test(shown_text_is_cut_before_it_overflows),
		cmocka_unit_test(control_characters_are_c0_del_and_c1),
		cmocka_unit_test(comparisons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
