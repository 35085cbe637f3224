/* test_output.c - what is safe to show, how wide it is, and how tables and times look. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/output.h"

static void assert_clean(const char *text, bool utf8, const char *expected)
{
	DV_AUTO_FREE char *clean = output_clean(text, utf8);

	assert_string_equal(clean, expected);
}

static void clean_keeps_plain_text(void **state DV_UNUSED)
{
	assert_clean("", true, "");
	assert_clean("git clone: no route", false, "git clone: no route");
	assert_clean("gr\u00fc\u00dfe \u2192 \U0001f600", true,
		     "gr\u00fc\u00dfe \u2192 \U0001f600");
}

static void clean_replaces_what_steers_a_terminal(void **state DV_UNUSED)
{
	assert_clean("a\033[31mb", true, "a?[31mb");
	assert_clean("a\tb\rc\x7f", true, "a?b?c?");
	assert_clean("a\xc2\x9b"
		     "31mb",
		     true, "a?31mb"); /* CSI as one character */
	assert_clean("a\u202egnp.exe", true, "a?gnp.exe");
	assert_clean("a\u2066b\u2069\u200f", true, "a?b??");
	assert_clean("a\u2028b", true, "a?b");
}

static void clean_replaces_what_the_locale_cannot_show(void **state DV_UNUSED)
{
	assert_clean("gr\u00fc\u00dfe \u2192", false, "gr??e ?");
}

static void clean_survives_what_is_no_utf8(void **state DV_UNUSED)
{
	assert_clean("a\xff\xfe", true, "a??");
	assert_clean("a\xe2\x82", true, "a??"); /* cut in a character */
	assert_clean("a\xc0\xafz", true, "a??z");
	assert_clean("a\xf0", true, "a?");
}

static void columns_count_wide_characters_twice(void **state DV_UNUSED)
{
	assert_int_equal(output_columns(""), 0);
	assert_int_equal(output_columns("abc"), 3);
	assert_int_equal(output_columns("gr\u00fcn"), 4);
	assert_int_equal(output_columns("\u65e5\u672c"), 4);
	assert_int_equal(output_columns("\U0001f600"), 2);
	assert_int_equal(output_columns("\u2588\u2591\u2026"), 3);
}

static void fit_never_cuts_a_character(void **state DV_UNUSED)
{
	assert_int_equal(output_fit("abc", 2), 2);
	assert_int_equal(output_fit("abc", 9), 3);
	assert_int_equal(output_fit("\u00fc\u00fc", 1), 2);
	assert_int_equal(output_fit("\u65e5\u672c", 3), 3);
	assert_int_equal(output_fit("\u65e5", 1), 0);
}

static char *print_table(bool colour)
{
	static const char *const headings[] = { "USER", "UID", "PROBLEM", NULL };
	DV_AUTO_OUTPUT_TABLE struct output_table table = { 0 };
	char *text = NULL;
	size_t n_bytes = 0;
	FILE *stream = open_memstream(&text, &n_bytes);

	assert_int_equal(output_table_init(&table, headings, true), 0);
	assert_int_equal(output_table_add(&table,
					  (struct output_cell[]){
						  { "emo", OUTPUT_PLAIN },
						  { "1001", OUTPUT_PLAIN },
						  { "", OUTPUT_RED },
					  }),
			 0);
	assert_int_equal(output_table_add(&table,
					  (struct output_cell[]){
						  { "\u65e5\u672c", OUTPUT_PLAIN },
						  { NULL, OUTPUT_PLAIN },
						  { "co\nde", OUTPUT_RED },
					  }),
			 0);
	output_table_print(&table, stream, colour);
	(void)fclose(stream);
	return text;
}

static void tables_are_aligned(void **state DV_UNUSED)
{
	DV_AUTO_FREE char *text = print_table(false);

	assert_string_equal(text, "USER  UID   PROBLEM\n"
				  "emo   1001  -\n"
				  "\u65e5\u672c  -     co?de\n");
}

static void colours_do_not_count_as_columns(void **state DV_UNUSED)
{
	DV_AUTO_FREE char *text = print_table(true);

	assert_string_equal(text, "\033[1mUSER\033[0m  \033[1mUID\033[0m   \033[1mPROBLEM\033[0m\n"
				  "emo   1001  -\n"
				  "\u65e5\u672c  -     \033[31mco?de\033[0m\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean_keeps_plain_text),
		cmocka_unit_test(clean_replaces_what_steers_a_terminal),
		cmocka_unit_test(clean_replaces_what_the_locale_cannot_show),
		cmocka_unit_test(clean_survives_what_is_no_utf8),
		cmocka_unit_test(columns_count_wide_characters_twice),
		cmocka_unit_test(fit_never_cuts_a_character),
		cmocka_unit_test(tables_are_aligned),
		cmocka_unit_test(colours_do_not_count_as_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
