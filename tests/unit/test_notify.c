/* test_notify.c - the message of a run of the updater, cut into the words that a command gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "job/notify.h"

static void four_lines_are_a_message(void **state DV_UNUSED)
{
	char message[] = "rolled-back\n12\n\nt3 1.1.0 is bad: $(x) \"y\"\n";
	const char *lines[NOTIFY_LINES];
	struct dv_error err = { "" };

	assert_int_equal(notify_parse(message, lines, &err), 0);
	assert_string_equal(lines[0], "rolled-back");
	assert_string_equal(lines[1], "12");
	assert_string_equal(lines[2], "");
	assert_string_equal(lines[3], "t3 1.1.0 is bad: $(x) \"y\"");
}

static void anything_else_is_none(void **state DV_UNUSED)
{
	static const char *const bad[] = { "", "bad\n12\n1.1.0\nno end", "bad\n12\n1.1.0\n",
					   "bad\n12\n1.1.0\none\ntwo\n" };

	for (size_t i = 0; i < DV_COUNT(bad); i++) {
		const char *lines[NOTIFY_LINES];
		struct dv_error err = { "" };
		char message[64];

		(void)snprintf(message, sizeof(message), "%s", bad[i]);
		assert_int_equal(notify_parse(message, lines, &err), -EBADMSG);
		assert_string_not_equal(err.text, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_lines_are_a_message),
		cmocka_unit_test(anything_else_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
